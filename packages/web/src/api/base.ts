/**
 * Where the dashboard is served. The platform writes `<base href>` into the page, so one build works at the root of a
 * host and under any sub-path of a reverse proxy.
 */

/** Path of the dashboard with a slash at both ends: `/`, `/kiln/`. */
export const basePath = new URL('.', document.baseURI).pathname;

/** Address of a path of the farm, such as `api/runs`. */
export function farmUrl(path: string): string {
  return new URL(path.replace(/^\//, ''), document.baseURI).href;
}

/** Address of the live socket. */
export function liveUrl(): string {
  const url = new URL('api/live', document.baseURI);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
