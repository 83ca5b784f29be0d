import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../testing/test-agent.ts';

let farm: TestFarm;
beforeAll(async () => {
  farm = await testFarm();
});
beforeEach(() => {
  farm.orchestrator.artifacts.clear();
  farm.orchestrator.refusals.length = 0;
});
afterAll(async () => await farm.close());

const kept = () => [...farm.orchestrator.artifacts.keys()].sort();

test('the files that match are kept, each with its bytes, and the log says so', async () => {
  const steps = [
    'mkdir -p "out/a b" deep/x; printf hello > out/one.tar; : > "out/a b/ü&?.txt"; head -c 3000000 /dev/zero > deep/x/big; touch .hidden out/.hidden',
  ];
  const job = await farm.run({ steps, artifacts: ['out', 'deep/**/big'] });
  expect(job.failure).toBeNull();
  expect(kept()).toEqual(['deep/x/big', 'out/a b/ü&?.txt', 'out/one.tar']);
  expect(String(farm.orchestrator.artifacts.get('out/one.tar')?.bytes)).toBe('hello');
  expect(farm.orchestrator.artifacts.get('deep/x/big')?.bytes.length).toBe(3_000_000);
  expect(farm.orchestrator.text(job.dispatch)).toMatch(/kept out\/one\.tar \(5 bytes, sha256 2cf24dba[0-9a-f]{56}\)/);
  expect(job.progress.phases.at(-1)).toMatchObject({ name: 'artifacts', state: 'completed' });
});

test('a pattern with ! takes files away, and a file that two patterns match is kept once', async () => {
  const steps = ['mkdir out; touch out/a.deb out/b.deb out/c.txt'];
  const job = await farm.run({ steps, artifacts: ['out/*', 'out/*.deb', '!out/b.*'] });
  expect(job.outcome).toBe('completed');
  expect(kept()).toEqual(['out/a.deb', 'out/c.txt']);
});

test('a pattern without a file fails the job and names what is near', async () => {
  const steps = ['mkdir -p out; touch out/tool-1.2.tar.xz out/readme other'];
  const job = await farm.run({ steps, artifacts: ['out/*.tar.gz'] });
  expect(job.failure).toMatchObject({ class: 'Artifacts Missing', phase: 'artifacts' });
  expect(job.failure?.message).toMatch(/^no file matches "out\/\*\.tar\.gz"; near it: out\/\S+, /);
  expect(job.failure?.message).toContain('out/tool-1.2.tar.xz');
  const empty = await farm.run({ steps: ['true'], artifacts: ['*'] });
  expect(empty.failure?.message).toBe('no file matches "*"; the checkout has no files');
  expect(kept()).toEqual([]);
});

test('nothing leaves the workspace by a link or a pattern', async () => {
  const steps = [
    'mkdir out; touch out/good; ln -s /etc/passwd out/passwd; ln -s /etc out/etc; ln -s good out/inside; ln -s nowhere out/broken',
  ];
  const job = await farm.run({ steps, artifacts: ['out/**'] });
  expect(job.failure).toBeNull();
  expect(kept()).toEqual(['out/good', 'out/inside']);
  expect(farm.orchestrator.text(job.dispatch)).toContain('passed over out/passwd');
  const link = await farm.run({ steps, artifacts: ['out/passwd'] });
  expect(link.failure).toMatchObject({
    class: 'Artifacts Missing',
    message: '"out/passwd" matches only what leads out of the workspace: out/passwd',
  });
  for (const pattern of ['../home/*', '/etc/passwd']) {
    const outside = await farm.run({ steps, artifacts: [pattern] });
    expect(outside.failure?.message).toBe(`the pattern "${pattern}" leads out of the checkout; write it from there`);
  }
});

test('a failed job keeps nothing', async () => {
  const job = await farm.run({ steps: ['touch a', 'false'], artifacts: ['a'] });
  expect(job.failure?.class).toBe('Command Failed');
  expect(kept()).toEqual([]);
  expect(job.progress.phases.at(-1)?.state).toBe('skipped');
});

test('an upload is tried again while the orchestrator can not take it, and a refusal is final', async () => {
  farm.orchestrator.refusals.push(503, 500);
  const job = await farm.run({ steps: ['echo x > a'], artifacts: ['a'] });
  expect(job.outcome).toBe('completed');
  expect(kept()).toEqual(['a']);
  expect(farm.orchestrator.text(job.dispatch)).toContain('waiting to upload a: it answered 503');
  farm.orchestrator.refusals.push(409);
  const refused = await farm.run({ steps: ['echo x > a'], artifacts: ['a'] });
  expect(refused.failure).toMatchObject({
    class: 'Agent Error',
    message: 'the orchestrator refused the artifact "a" (409): refused by the test',
  });
});
