import type { FarmContext } from '@kiln/store/context.ts';
import { createBuilderDoor } from '../access/builder-door.ts';
import type { App } from '../app.ts';
import { refuseWhileAway } from '../database-away.ts';
import type { LiveHub } from '../live/hub.ts';
import { addBuilderTokenRoutes } from './builder-tokens.ts';
import { addPostLogsRoute } from './post-logs.ts';
import { addBuildStreamRoute } from './stream-route.ts';
import { addTaskLogsRoute } from './task-logs.ts';

/** The build service for those who watch: behind the door for people and their programs. */
export function addBuildRoutes(app: App, context: FarmContext, hub: LiveHub): void {
  addTaskLogsRoute(app, context);
  addBuildStreamRoute(app, context, hub);
  addBuilderTokenRoutes(app, context);
}

/** The build service for builders, in a scope of its own: nothing but a builder's token opens it. */
export function addBuilderRoutes(app: App, context: FarmContext): void {
  refuseWhileAway(app);
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', createBuilderDoor(context.db, context.log));
  addPostLogsRoute(app, context);
}
