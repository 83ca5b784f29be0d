import { CLOSE } from '@kiln/protocol/agent-messages.ts';
import { testRecipe, testRun } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { StaleOwnership } from './stale-ownership.ts';
import { reference, startTestGateway, type TestGateway, WireAgent } from './testing-gateway.ts';

let t: TestGateway;
beforeEach(async () => {
  t = await startTestGateway();
});
afterEach(async () => await t.stop());

test('an agent that another orchestrator has by now is given no job here', async () => {
  const agent = await t.agent();
  const staying = await t.agent();
  const [first] = t.gateway.connections.keys();
  await t.db`UPDATE agents SET instance = 'another' WHERE agent_id = ${first ?? ''}`;
  await until('its socket is closed', () => agent.closed);
  expect(agent.closed).toBe(CLOSE.replaced);
  await testRun(t.db, testRecipe('hello'));
  t.queue();
  await staying.next('job.dispatch');
  expect(staying.closed).toBeNull();
  expect(await t.db`SELECT instance FROM agents WHERE agent_id = ${first ?? ''}`).toEqual([{ instance: 'another' }]);
});

test('an attempt that another orchestrator ended is stopped, one that goes on or is new is not', async () => {
  const token = await t.enrolled();
  const agent = await new WireAgent(t.url, token).hello();
  await testRun(t.db, testRecipe('ended'));
  await testRun(t.db, testRecipe('lasting'));
  t.queue();
  const jobs = [await agent.next('job.dispatch'), await agent.next('job.dispatch', 1)];
  const ended = jobs.find(({ recipe }) => recipe === 'ended');
  const lasting = jobs.find(({ recipe }) => recipe === 'lasting');
  if (!ended || !lasting) throw new Error('both were to be dispatched');
  const ownership = new StaleOwnership(t.gateway);
  // The first looks are before the database names either.
  for (let look = 0; look < 2; look++) ownership.stopEnded([]);
  for (let look = 0; look < 2; look++) ownership.stopEnded([reference(lasting)]);
  expect(await agent.next('job.stop')).toMatchObject(reference(ended));
  ownership.stopEnded([reference(lasting)]);
  agent.say({ type: 'job.building', ...reference(lasting), progress: { percent: 5, text: '', phases: [] } });
  await until('the other one goes on', async () => {
    const [job] = await t.db`SELECT status FROM jobs WHERE job_id = ${lasting.jobId}`;
    return job?.status === 'building';
  });
  expect(agent.told.filter(({ type }) => type === 'job.stop')).toHaveLength(1);
});
