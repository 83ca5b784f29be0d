import type { RuntimeReadiness } from '@kiln/protocol/api.ts';
import { startS3 } from '@kiln/store/blobs/testing-s3.ts';
import { expect, test } from 'vitest';
import { testPlatform } from '../testing.ts';

test('readiness shows a bucket that is away, and stays ready; a service that hangs costs it two seconds', async () => {
  const s3 = await startS3();
  const platform = await testPlatform(s3.settings);
  try {
    const look = async () => await platform.json<RuntimeReadiness>('/api/runtime/readiness');
    expect((await look()).components.blobs).toEqual({
      ok: true,
      message: 'can be reached',
    });
    s3.interrupt = () => true;
    const before = Date.now();
    const away = await look();
    expect(Date.now() - before).toBeLessThan(4_000);
    expect(away).toMatchObject({ ready: true, reasons: [], components: { blobs: { ok: false } } });
    expect(away.components.blobs?.message).toMatch(/no whole answer .*check blobs\.endpoint/);
  } finally {
    await s3.stop();
    await platform.stop();
  }
});
