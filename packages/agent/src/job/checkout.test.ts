import { afterAll, beforeAll, expect, test } from 'vitest';
import { GitUpstream, serveGit } from '../testing/git-upstream.ts';
import { type TestFarm, testFarm } from '../testing/test-agent.ts';

let farm: TestFarm;
let upstream: GitUpstream;
let first: string;
let second: string;

beforeAll(async () => {
  [farm, upstream] = await Promise.all([testFarm(), GitUpstream.create()]);
  first = await upstream.commit('one');
  await upstream.tag('v1');
  second = await upstream.commit('two');
  await upstream.tag('v2', true);
});
afterAll(async () => {
  await farm.close();
  await upstream.remove();
});

const order = (ref: string, commit: string | null, git = upstream.bare) => ({ git, ref, commit });
const show = ['cat file.txt; echo; git describe --tags --always; echo $SOURCE_DATE_EPOCH $KILN_COMMIT $KILN_REF'];

test('the ordered commit is checked out, with its time and its tag', async () => {
  const job = await farm.run({ upstream: order('refs/tags/v1', first), steps: show });
  expect(job.failure).toBeNull();
  expect(job.output).toEqual(['one', 'v1', `1600000001 ${first} refs/tags/v1`]);
  expect(job.commitTime).toBe(1_600_000_001);
  expect(job.progress.phases.map(({ name }) => name)).toEqual(['checkout', 'build']);
  expect(farm.orchestrator.text(job.dispatch)).toContain(`checked out ${first}: make it one`);
});

test('an annotated tag gives the commit that it points to', async () => {
  const job = await farm.run({ upstream: order('refs/tags/v2', second), steps: show });
  expect(job.output).toEqual(['two', 'v2', `1600000002 ${second} refs/tags/v2`]);
});

test('without a commit the ref decides', async () => {
  const job = await farm.run({ upstream: order('refs/heads/main', null), steps: show });
  expect(job.output.slice(0, 1)).toEqual(['two']);
  expect(job.output.at(-1)).toBe(`1600000002 ${second} refs/heads/main`);
});

test('over HTTP, from a server that gives commits by their hash', async () => {
  const server = await serveGit(upstream, {
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'uploadpack.allowAnySHA1InWant',
    GIT_CONFIG_VALUE_0: 'true',
  });
  const job = await farm.run({ upstream: order('refs/heads/main', first, server.url), steps: show });
  expect(job.output[0]).toBe('one');
  await server.close();
});

test('from a server that gives no commits by their hash, one that the branch left behind is found in its history', async () => {
  const own = await GitUpstream.create();
  const ordered = await own.commit('one');
  await own.commit('two');
  const server = await serveGit(own, { GIT_PROTOCOL: 'version=0' });
  const job = await farm.run({ upstream: order('refs/heads/main', ordered, server.url), steps: show });
  expect(job.failure).toBeNull();
  expect(job.output[0]).toBe('one');
  expect(farm.orchestrator.text(job.dispatch)).toContain('the server does not give commits by their hash');
  await server.close();
  await own.remove();
});

test('a tag that was moved is refused, with both commits', async () => {
  const own = await GitUpstream.create();
  const ordered = await own.commit('good');
  await own.tag('v1');
  await own.git('checkout', '-q', '--orphan', 'other');
  await own.git('branch', '-D', 'main');
  await own.git('branch', '-m', 'main');
  const moved = await own.commit('evil');
  await own.tag('v1');
  await own.prune();
  const job = await farm.run({ upstream: order('refs/tags/v1', ordered, own.bare), steps: ['echo built'] });
  expect(job.outcome).toBe('failed');
  expect(job.output).not.toContain('built');
  expect(job.failure).toMatchObject({
    class: 'Checkout Failed',
    phase: 'checkout',
    message: `refs/tags/v1 was moved: it points to ${moved} now, but ${ordered} was ordered. Nothing was built`,
  });
  const branch = await farm.run({ upstream: order('refs/heads/main', ordered, own.bare), steps: ['echo built'] });
  expect(branch.failure?.message).toBe(
    `${ordered} is not in the history of refs/heads/main any more, which points to ${moved} now. Nothing was built`,
  );
  await own.remove();
});

test('what git says about a failure is in the log, without passwords', async () => {
  const gone = await farm.run({ upstream: order('refs/heads/nosuch', null), steps: ['true'] });
  expect(gone.failure).toMatchObject({
    class: 'Checkout Failed',
    message: `refs/heads/nosuch could not be fetched from ${upstream.bare}: couldn't find remote ref refs/heads/nosuch`,
  });
  expect(gone.output.join()).toContain("fatal: couldn't find remote ref");
  const secret = await farm.run({
    upstream: order('refs/heads/main', null, 'http://user:hunter22@127.0.0.1:1/x.git'),
    steps: ['true'],
  });
  expect(secret.failure?.class).toBe('Checkout Failed');
  expect(JSON.stringify(secret.failure) + farm.orchestrator.text(secret.dispatch)).not.toContain('hunter22');
});

test('options in the place of addresses and refs are refused', async () => {
  const job = await farm.run({ upstream: order('--upload-pack=touch /tmp/x', null), steps: ['true'] });
  expect(job.failure?.message).toContain('is not an address or a ref of git');
  const short = await farm.run({ upstream: order('refs/tags/v1', 'abc123'), steps: ['true'] });
  expect(short.failure?.message).toBe('"abc123" is not the full hash of a commit');
});

test("a person's own git configuration changes nothing", async () => {
  const home = process.env.HOME;
  process.env.GIT_CONFIG_GLOBAL = '/nonexistent';
  process.env.HOME = upstream.folder;
  await upstream.git('config', '--file', `${upstream.folder}/.gitconfig`, 'url.file:///nowhere/.insteadOf', '/');
  const job = await farm.run({ upstream: order('refs/tags/v1', first), steps: show });
  process.env.HOME = home;
  delete process.env.GIT_CONFIG_GLOBAL;
  expect(job.failure).toBeNull();
});

test('a job that wants no checkout gets none', async () => {
  const job = await farm.run({
    upstream: order('refs/tags/v1', first),
    checkout: false,
    steps: ['ls -A; echo $KILN_COMMIT'],
  });
  expect(job.output).toEqual([first]);
});
