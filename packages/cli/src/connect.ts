import type { Client } from './client.ts';
import type { FarmOptions } from './options.ts';

/** The client of the farm that a command names. What it needs is loaded now, so that `--help` does not wait for it. */
export async function connect(farm: FarmOptions): Promise<Client> {
  const { createClient } = await import('./client.ts');
  return await createClient(farm);
}
