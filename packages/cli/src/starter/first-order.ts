import type { StartedRun } from '@kiln/protocol/api.ts';
import type { Logger } from '@kiln/service/log.ts';
import { VERSION } from '@kiln/service/version.ts';
import { createClient } from '../client.ts';
import { ORDERED_RECIPE, type StarterFarm } from './starter-farm.ts';

/** Orders the starter farm's first run of Kiln's own agent, in this Kiln's version. Not worth failing for. */
export async function placeFirstOrder(dataDir: string, farm: StarterFarm | null, log: Logger): Promise<void> {
  if (!farm?.recipes.includes(ORDERED_RECIPE)) return;
  try {
    const client = await createClient({ data: dataDir });
    await client.post<StartedRun>('/api/runs', { recipe: ORDERED_RECIPE, version: VERSION });
  } catch (error) {
    log.warn({ err: error, recipe: ORDERED_RECIPE }, 'the first run could not be ordered');
  }
}
