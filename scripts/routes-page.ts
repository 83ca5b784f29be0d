import { PERMISSIONS, type Permission, PRINCIPAL_KINDS, ROLES, SCOPES } from '../packages/protocol/src/permissions.ts';
import { routeMethod, routeTemplate } from '../packages/protocol/src/route-path.ts';
import { ROUTE_TAGS, type RouteDefinition } from '../packages/protocol/src/routes/definition.ts';
import { errorCodes, ROUTE_KEYS, type RouteKey, routeDefinition } from '../packages/protocol/src/routes.ts';

/** The page of every route by its chapter, with what a caller needs for it, then of who may do what. */
export function routesPage(intro: string): string {
  const chapters = Object.entries(ROUTE_TAGS).map(([tag, about]) => {
    const keys = ROUTE_KEYS.filter((key) => routeDefinition(key).tag === tag);
    return `## ${tag.charAt(0).toUpperCase()}${tag.slice(1)}\n\n${about}.\n\n${keys.map(routeText).join('\n\n')}\n`;
  });
  return `# Routes\n\n${intro}\n\n${chapters.join('\n')}\n${permissionsText()}`;
}

function routeText(key: RouteKey): string {
  const route = routeDefinition(key);
  const path = routeTemplate(key).replace(/:(\w+)/g, '{$1}');
  const query = Object.keys(route.query?.properties ?? {}).map((name) => `\`${name}\``);
  const facts = [
    `Needs: ${needText(route)}`,
    ...(query.length > 0 ? [`Query: ${query.join(', ')}`] : []),
    `Answers: ${answersText(route)}`,
    `Errors: ${errorCodes(key)
      .sort()
      .map((code) => `[\`${code}\`](errors.md)`)
      .join(', ')}`,
    ...(route.tiers && !route.tiers.includes('platform') ? ['Served by the orchestrator'] : []),
  ].filter((fact) => fact !== 'Errors: ');
  const about = route.description ? ` ${route.description}` : '';
  return `### \`${routeMethod(key)} ${path}\`\n\n${route.summary}.${about}\n\n${facts.map((fact) => `- ${fact}`).join('\n')}`;
}

function needText({ permission }: RouteDefinition): string {
  if (permission === 'public') return 'nothing';
  return permission === 'signed' ? 'a signature over the body' : `[\`${permission}\`](#permissions)`;
}

function answersText({ answers, form }: RouteDefinition): string {
  const forms = { 'json-lines': 'JSON lines', bytes: 'bytes', text: 'text', html: 'a page' };
  if (form === 'websocket') return 'a WebSocket';
  const statuses = Object.keys(answers).join(', ');
  return statuses === '204' ? statuses : `${statuses}, ${form ? forms[form] : 'JSON'}`;
}

function permissionsText(): string {
  const permissions = Object.entries(PERMISSIONS).map(
    ([name, { allows }]) => `| \`${name}\` | ${allows} | ${holdersOf(name).join(', ')} |`,
  );
  const kinds = Object.entries(PRINCIPAL_KINDS).map(([kind, meaning]) => `| ${kind} | ${meaning} |`);
  return `## Permissions

A session has what the role of its person allows; the one person of today is an admin.

| Permission | Who holds it may | Held by |
| --- | --- | --- |
${permissions.join('\n')}

| Caller | What it is |
| --- | --- |
${kinds.join('\n')}
`;
}

/** The kinds of callers that hold a permission, and for people the least role. */
function holdersOf(permission: string): string[] {
  const holds = (scopes: readonly Permission[]) => scopes.some((scope) => scope === permission);
  const kinds = Object.entries(SCOPES).flatMap(([kind, scopes]) => (holds(scopes) ? [kind] : []));
  const role = Object.entries(ROLES).find(([, scopes]) => holds(scopes))?.[0];
  const session = role === 'admin' ? 'session of an admin' : `session from ${role} up`;
  return kinds.map((kind) => (kind === 'session' ? session : kind));
}
