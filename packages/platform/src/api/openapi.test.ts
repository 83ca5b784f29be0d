import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

interface Spec {
  openapi: string;
  paths: Record<string, Record<string, { summary?: string; responses?: Record<string, unknown> }>>;
}

let p: TestPlatform;
let spec: Spec;
beforeAll(async () => {
  p = await testPlatform();
  spec = await p.json('/api/openapi.json');
});
afterAll(async () => await p.stop());

it('is OpenAPI 3.1, and says what each route is for', () => {
  expect(spec.openapi).toBe('3.1.0');
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [method, { summary }] of Object.entries(methods)) {
      expect([method, path, summary]).toEqual([method, path, expect.stringMatching(/^[A-Z]/)]);
    }
  }
});

it('has the routes that the guide names, and the guide names all of them', async () => {
  const guide = await readFile(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
  const named = [...guide.matchAll(/`(GET|POST|DELETE) (\/[^\s`?]*)/g)].map(([, method, path]) => `${method} ${path}`);
  const known = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const open = ['GET /health', 'GET /healthz', 'GET /ready', 'GET /metrics', 'GET /api/openapi.json'];
  expect(named.filter((route) => ![...known, ...open].includes(route))).toEqual([]);
  const untold = known.filter((route) => !named.includes(route) && !route.startsWith('POST /webhooks/'));
  expect(untold).toEqual([]);
});

it('refers to nothing that it does not have', () => {
  const references = [...JSON.stringify(spec).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target);
  expect(references).toEqual([]);
});
