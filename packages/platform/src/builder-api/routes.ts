import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { refuseWhileAway } from '../http/database-away.ts';
import type { BuildStreams } from './build-streams.ts';
import { addBuilderTokenRoutes } from './builder-tokens.ts';
import { addPostLogsRoute } from './post-logs.ts';
import { addBuildStreamRoute } from './stream-route.ts';
import { addTaskLogsRoute } from './task-logs.ts';

/** The build service for those who watch. */
export function addBuildRoutes(app: FastifyInstance, context: FarmContext, streams: BuildStreams): void {
  addTaskLogsRoute(app, context);
  addBuildStreamRoute(app, context, streams);
  addBuilderTokenRoutes(app, context);
}

/** The build service for builders. */
export function addBuilderRoutes(app: FastifyInstance, context: FarmContext): void {
  refuseWhileAway(app);
  app.removeContentTypeParser('text/plain');
  addPostLogsRoute(app, context);
}
