import { busContract } from './bus.contract.ts';
import { LocalBus } from './local-bus.ts';

busContract('of one process', async () => {
  const errors: unknown[] = [];
  const bus = new LocalBus({ error: (fields: { err?: unknown }) => errors.push(fields.err) });
  return { nodes: [bus, bus], errors: () => errors, stop: async () => {} };
});
