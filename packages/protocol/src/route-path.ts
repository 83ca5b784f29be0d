/**
 * Addresses of routes from their keys, such as `GET /api/runs/:id`. No imports: the dashboard bundles this file without the
 * schemas of `routes.ts`, whose types it uses.
 */

/** A value in an address. Undefined ones of a query are left out. */
type Value = string | number | boolean | undefined;

/** The HTTP method of a route. */
export function routeMethod(key: string): string {
  return key.slice(0, key.indexOf(' '));
}

/** The path of a route as it is written in its key: `/api/runs/:id`. */
export function routeTemplate(key: string): string {
  return key.slice(key.indexOf(' ') + 1);
}

/**
 * The path of a route with its parameters filled in and encoded, and the query behind it: `/api/runs/42?limit=1`. `*` at the
 * end stands for a path of its own. Throws a TypeError for a parameter that is missing.
 */
export function routePath(
  key: string,
  params: Readonly<Record<string, Value>> = {},
  query: Readonly<Record<string, Value>> = {},
): string {
  const path = routeTemplate(key).replace(/:(\w+)|\*$/g, (placeholder: string, name: string | undefined) => {
    const value = params[name ?? '*'];
    if (value === undefined) throw new TypeError(`${key} needs the parameter ${placeholder}`);
    return name === undefined
      ? String(value).split('/').map(encodeURIComponent).join('/')
      : encodeURIComponent(String(value));
  });
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}
