import { ERRORS, STREAM_ERRORS } from '../packages/protocol/src/errors.ts';

/** The page of every error code, by status: what a program can match on, and what it means. */
export function errorsPage(intro: string): string {
  const codes = Object.entries(ERRORS).sort(([, a], [, b]) => a.status - b.status);
  return `# Errors

${intro}

| Status | Code | Meaning |
| --- | --- | --- |
${codes.map(([code, { status, meaning }]) => `| ${status} | \`${code}\` | ${meaning} |`).join('\n')}

## In sockets and streams

Once an answer or a socket began, trouble is a message \`{"type": "error", "code", "message"}\`.

| Code | Meaning |
| --- | --- |
${Object.entries(STREAM_ERRORS)
  .map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
  .join('\n')}
`;
}
