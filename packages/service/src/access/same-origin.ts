import type { FastifyRequest } from 'fastify';

/**
 * Whether a browser's request comes from Kiln's own pages. A cookie goes along with requests that other sites make, so
 * whoever only shows a cookie must also show this. `Sec-Fetch-Site` can't be set by a page; where a browser does not
 * send it (plain HTTP to another machine) `Origin` must name the host that was asked.
 */
export function isSameOrigin(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = request.headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === request.host.toLowerCase().replace(/:(80|443)$/, '');
}
