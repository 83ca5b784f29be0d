/**
 * One form for all the ways to write the address of one repository: host and path in lower case, without scheme,
 * credentials, port, `.git` and slashes at the end. `git@github.com:Owner/Name.git` and `https://github.com/owner/name/`
 * both become `github.com/owner/name`. For comparing and keeping, never for connecting.
 */
export function normalizeGitUrl(url: string): string {
  const text = url.trim();
  const parsed = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:]*)(?::\d+)?(\/.*)?$/i.exec(text);
  const scp = /^(?:[^/@]+@)?([^/:]+):(?!\/\/)(.+)$/.exec(text);
  const [host, path] = parsed ? [parsed[1] ?? '', parsed[2] ?? ''] : scp ? [scp[1] ?? '', `/${scp[2]}`] : ['', text];
  const trimmed = path
    .replace(/[?#].*$/, '')
    .replace(/\/+/g, '/')
    .replace(/\/$/, '')
    .replace(/\.git$/i, '');
  return (host + trimmed).toLowerCase();
}

/** The address without user and password, for logs and messages. */
export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}
