/** What a server says that is on its way up or down or full, and what a client says that got no answer. */
const PASSING = new Set([
  '53300',
  '57P01',
  '57P02',
  '57P03',
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
]);

/** By SQLSTATE, what helps against a refusal that waiting does not end. */
const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'check the user and the password in database.url (KILN_DATABASE_URL)',
  '28000': "check the user in database.url (KILN_DATABASE_URL) and the server's pg_hba.conf",
  '3D000': "create it, with encoding UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
  '42501': 'make the user of database.url the owner of the database: ALTER DATABASE … OWNER TO …',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The server refused TLS; the client library only sees a connection that ended too early. */
function hasNoTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes('before secure TLS connection was established');
}

/** Whether the same attempt may succeed a little later. */
export function mayPass(error: unknown): boolean {
  if (hasNoTls(error)) return false;
  // A socket file is there only while its server runs.
  const noSocket = error instanceof Error && 'syscall' in error && error.syscall === 'connect';
  return noSocket || PASSING.has(codeOf(error));
}

/** What a person can do about it, or null where the error says nothing that Kiln knows. */
export function remedyOf(error: unknown): string | null {
  if (hasNoTls(error)) return 'the server offers no TLS: switch it on there, or leave sslmode out of database.url';
  if (mayPass(error)) return 'start it, or correct the address in database.url (KILN_DATABASE_URL)';
  return REMEDIES[codeOf(error)] ?? null;
}
