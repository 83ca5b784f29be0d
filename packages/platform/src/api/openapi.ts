import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { VERSION } from '@kiln/service/version.ts';
import type { App } from '../app.ts';

/** The frame of the API's description; the rest is made from the schemas that the routes validate with. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Kiln',
      version: VERSION,
      description: 'Everything that the dashboard and the command line do. docs/api.md is the guide.',
    },
    tags: [
      { name: 'farm', description: 'The farm as a whole' },
      { name: 'runs', description: 'One event matched to one recipe at one version' },
      { name: 'jobs', description: 'The pieces of a run' },
      { name: 'logs', description: 'What the jobs printed: read, search, download' },
      { name: 'recipes', description: 'What is watched and built' },
      { name: 'packages', description: 'What was published' },
      { name: 'events', description: 'What may start work, and what became of it' },
      { name: 'hosts', description: 'The machines underneath: their systemd units, as their heartbeats tell them' },
      { name: 'access', description: 'Signing in and out' },
      { name: 'builds', description: 'Builds as the build service tells them: a task is a job' },
      { name: 'builders', description: 'Programs that build, and their tokens' },
      { name: 'live', description: 'The live socket' },
      { name: 'webhooks', description: 'What forges send' },
      { name: 'probes', description: 'Open to watchdogs and scrapers' },
    ],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'The admin token' },
        builder: { type: 'http', scheme: 'bearer', description: 'The token of a builder' },
        session: { type: 'apiKey', in: 'cookie', name: 'kiln_session', description: 'The session of the dashboard' },
      },
    },
    security: [{ token: [] }, { session: [] }],
  },
};

/** `GET /api/openapi.json` */
export function addOpenapiRoute(app: App): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}
