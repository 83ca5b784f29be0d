import { styleText } from 'node:util';
import type { ReadyFile } from '../farm/ready-file.ts';

/** What `kiln up` prints when the farm is ready, for people. */
export function banner(
  about: ReadyFile & { signInUrl: string | null; dataDir: string; farmId: string; notes: string[] },
): string {
  const bold = (text: string) => styleText('bold', text, { stream: process.stdout });
  const rows: [string, string][] = [
    ['Dashboard', about.http ? bold(about.http) : 'off: http.addr is not set'],
    ...(about.signInUrl ? ([['Sign in', about.signInUrl]] as [string, string][]) : []),
    ['Data', about.dataDir],
    ['Stop', process.stdin.isTTY ? 'Ctrl-C' : `kill ${about.pid}`],
  ];
  const lines = rows.map(([label, value]) => `  ${label.padEnd(10)} ${value}`);
  const hint = about.signInUrl
    ? ['  The link signs one browser in, once, within 10 minutes; for another: npx kiln sign-in']
    : [];
  return `\n${bold(`Kiln is ready`)}: farm ${about.farmId}\n\n${[...lines, ...hint, ...about.notes.map((note) => `  ${note}`)].join('\n')}\n\n`;
}

export const FAREWELL = '\nKiln is stopping; builds under way go on at the next start.\n';
