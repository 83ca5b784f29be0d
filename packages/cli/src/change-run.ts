import type { RunChange } from '@kiln/protocol/api.ts';
import { createClient } from './client.ts';
import { findRun } from './find-run.ts';
import type { FarmOptions } from './options.ts';

/** Asks for a run to be cancelled or tried again. Throws ApiFailure when its state does not allow that. */
export async function changeRun(options: FarmOptions, given: string, action: 'cancel' | 'retry'): Promise<RunChange> {
  const client = await createClient(options);
  const runId = await findRun(client, given);
  return await client.post<RunChange>(`/api/runs/${runId}/${action}`);
}
