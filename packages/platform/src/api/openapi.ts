import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { ROUTE_TAGS } from '@kiln/protocol/routes/definition.ts';
import { routeDefinition, routesOf } from '@kiln/protocol/routes.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FastifyInstance } from 'fastify';

/** The chapters that have a route of the platform in them. */
const LISTED = new Set<string>(
  routesOf('platform')
    .map(routeDefinition)
    .filter(({ listed }) => listed !== false)
    .map(({ tag }) => tag),
);

/** The frame of the API's description; the rest is made from the schemas that the routes validate with. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Kiln',
      version: VERSION,
      description: 'Everything that the dashboard and the command line do. docs/api.md is the guide.',
    },
    tags: Object.entries(ROUTE_TAGS)
      .filter(([name]) => LISTED.has(name))
      .map(([name, description]) => ({ name, description })),
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The admin token' },
        builder: { type: 'http', scheme: 'bearer', description: 'The token of a builder' },
        host: { type: 'http', scheme: 'bearer', description: 'The token of a host or a collector' },
        session: { type: 'apiKey', in: 'cookie', name: 'kiln_session', description: 'The session of the dashboard' },
      },
    },
    security: [{ token: [] }, { session: [] }],
  },
};

/** `GET /api/openapi.json` */
export function addOpenapiRoute(app: FastifyInstance): void {
  registerRoute(app, 'GET /api/openapi.json', async () => ({ ...app.swagger() }));
}
