import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Freshness } from './freshness.ts';

describe('hints of the live socket', () => {
  let client: QueryClient;
  let stop: () => void;
  let asked: number;
  let answerMs: number;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('document', { hidden: false });
    client = new QueryClient();
    asked = 0;
    answerMs = 0;
    const observer = new QueryObserver(client, {
      queryKey: ['runs', {}],
      queryFn: async () => {
        asked += 1;
        await new Promise((resolve) => setTimeout(resolve, answerMs));
        return asked;
      },
    });
    stop = observer.subscribe(() => undefined);
  });

  afterEach(() => {
    stop();
    client.clear();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const pass = async (ms: number) => await vi.advanceTimersByTimeAsync(ms);

  it('ask at once, and once more after a burst', async () => {
    await pass(10);
    const freshness = new Freshness(client);
    for (let n = 0; n < 50; n += 1) freshness.changed('run', 'a');
    await pass(50);
    expect(asked).toBe(2);
    await pass(1100);
    expect(asked).toBe(3);
  });

  it('let an answer that is under way arrive, and ask again after it', async () => {
    await pass(10);
    answerMs = 200;
    const freshness = new Freshness(client);
    freshness.changed('run', 'a');
    freshness.changed('run', 'b');
    await pass(100);
    expect(asked).toBe(2);
    await pass(1300);
    expect(asked).toBe(3);
  });

  it('do not make a page work that nobody looks at', async () => {
    await pass(10);
    vi.stubGlobal('document', { hidden: true });
    new Freshness(client).changed('run', 'a');
    await pass(50);
    expect(asked).toBe(1);
    expect(client.getQueryState(['runs', {}])?.isInvalidated).toBe(true);
  });
});
