import type { Trace } from '@kiln/protocol/api.ts';
import { ApiFailure, type Client } from './client.ts';
import { findRun } from './find-run.ts';

/** The trace of any id; where it is none that the farm knows, of the run that it begins. */
export async function findTrace(client: Client, id: string): Promise<Trace> {
  try {
    return await client.get<Trace>(`/api/trace/${encodeURIComponent(id)}`);
  } catch (error) {
    const unknown = error instanceof ApiFailure && (error.status === 404 || error.status === 400);
    if (!unknown || !/^[0-9a-f]{4}[0-9a-f-]{0,31}$/i.test(id)) throw error;
    return await client.get<Trace>(`/api/trace/${await findRun(client, id)}`);
  }
}
