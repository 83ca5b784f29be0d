import type { EventDetail, StartedRun, StartRun } from '@kiln/protocol/api.ts';
import { request } from './request.ts';

/** Everything that the dashboard can make the farm do. Each throws ApiFailure when it is refused. */
export const actions = {
  signIn: (token: string) => request<unknown>('api/sign-in', { method: 'POST', body: { token } }),
  signOut: () => request<unknown>('api/sign-out', { method: 'POST', body: {} }),
  startRun: (run: StartRun) => request<StartedRun>('api/runs', { method: 'POST', body: run }),
  event: (eventId: string) => request<EventDetail>(`api/events/${eventId}`),
  cancelRun: (runId: string) => request<unknown>(`api/runs/${runId}/cancel`, { method: 'POST', body: {} }),
  retryRun: (runId: string) => request<unknown>(`api/runs/${runId}/retry`, { method: 'POST', body: {} }),
  pollRecipe: (name: string) =>
    request<unknown>(`api/recipes/${encodeURIComponent(name)}/poll`, { method: 'POST', body: {} }),
  retryDeadLetter: (eventId: string) =>
    request<unknown>(`api/dead-letters/${eventId}/retry`, { method: 'POST', body: {} }),
  discardDeadLetter: (eventId: string) => request<unknown>(`api/dead-letters/${eventId}`, { method: 'DELETE' }),
};
