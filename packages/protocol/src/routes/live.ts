import { LiveMessage } from '../live.ts';
import type { RouteTable } from './definition.ts';

/** The socket that open pages and `kiln watch` follow. */
export const LIVE_ROUTES = {
  'GET /api/live': {
    summary: 'Live socket (WebSocket): hints about changes, and logs as they are written',
    description: 'Messages are described in docs/api.md.',
    tag: 'live',
    permission: 'logs.read',
    answers: { 101: LiveMessage },
    form: 'websocket',
    head: false,
  },
} as const satisfies RouteTable;
