import { randomUUID } from 'node:crypto';
import type { TaskLogs } from '@kiln/protocol/vm-build.ts';
import { issueCredential } from '@kiln/store/credentials.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { entry, heldTask } from './testing-builds.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

const read = async (taskId: string, query = '') =>
  await p.json<TaskLogs>(`/api/vm-build/task-logs/${taskId}${query ? `?${query}` : ''}`);
const codeOf = async (response: Response) => [response.status, (await response.json()).error?.code];

describe('posting', () => {
  it('takes the documented example, and gives it back', async () => {
    const task = await heldTask(p);
    const example = {
      timestamp: '2024-01-15T10:31:00Z',
      level: 'INFO',
      component: 'ANSIBLE',
      message: 'Installing packages: curl, wget, git',
    };
    const answer = await task.post([example]);
    expect([answer.status, await answer.json()]).toEqual([200, { accepted: 1 }]);
    expect(await read(task.taskId)).toEqual({
      task_id: task.taskId,
      attempt: 1,
      entries: [{ line: 1, context: '', ...example }],
      next_cursor: '1.2',
      complete: false,
    });
  });

  it('keeps every level, unknown components and contexts, and the lines of a message', async () => {
    const task = await heldTask(p);
    const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
    const entries = levels.map((level) => entry(level, { level, component: 'My own', context: 'Step "1"' }));
    await task.post([...entries, entry('a\r\nb\n\nc\n', { timestamp: '2024-01-15T12:31:00.250+02:00' })]);
    const { entries: kept } = await read(task.taskId);
    expect(kept.slice(0, 5).map((line) => [line.level, line.component, line.context])).toEqual(
      levels.map((level) => [level, 'My own', 'Step "1"']),
    );
    expect(kept.slice(5).map(({ message, timestamp }) => [message, timestamp])).toEqual(
      ['a', 'b', '', 'c'].map((text) => [text, '2024-01-15T10:31:00.250Z']),
    );
  });

  it('hides secrets, the token of the builder among them', async () => {
    const task = await heldTask(p);
    await task.post([entry(`password=x\nmy token is ${task.token}!`)]);
    expect((await read(task.taskId)).entries.map(({ message }) => message)).toEqual([
      'password=***',
      'my token is ***!',
    ]);
    const stored = await p.db<{ data: Buffer }[]>`SELECT data FROM frames WHERE job_id = ${task.taskId}`;
    expect(stored).toHaveLength(1);
  });

  it('adds nothing when a batch comes again', async () => {
    const task = await heldTask(p);
    for (let n = 0; n < 2; n++)
      expect(await (await task.post([entry('a'), entry('b')])).json()).toEqual({ accepted: 2 });
    const more = { batch_id: 'second' };
    for (let n = 0; n < 2; n++) expect((await task.post([entry('a'), entry('b')], more)).status).toBe(200);
    expect(await codeOf(await task.post([entry('c')], more))).toEqual([409, 'batch_reused']);
    expect((await read(task.taskId)).entries).toHaveLength(4);
  });

  it.each([
    [{ level: 'TRACE' }, 'entries/1/level: "TRACE" is not one of DEBUG, INFO, WARN, ERROR, FATAL'],
    [{ level: 'info' }, 'entries/1/level: "info" is not one of'],
    [{ timestamp: 'yesterday' }, 'entries/1/timestamp: "yesterday" is not a time'],
    [{ timestamp: 5 }, 'entries/1/timestamp: 5 is not a time'],
    [{ component: '' }, 'entries/1/component'],
    [{ message: 7 }, 'entries/1/message'],
    [{ message: undefined }, 'entries/1'],
  ])('refuses %j and says which entry it is', async (wrong, words) => {
    const task = await heldTask(p);
    const answer = await task.post([entry('fine'), entry('x', wrong)]);
    expect(answer.status).toBe(422);
    expect((await answer.json()).error.message).toContain(words);
    expect((await read(task.taskId).catch(() => ({ entries: [] }))).entries).toEqual([]);
  });

  it('answers garbage with 4xx', async () => {
    const task = await heldTask(p);
    const send = async (body: string, headers: Record<string, string> = {}) =>
      (
        await fetch(`${p.url}/api/vm-build/task-logs`, {
          method: 'POST',
          headers: { authorization: `Bearer ${task.token}`, 'content-type': 'application/json', ...headers },
          body,
        })
      ).status;
    for (const body of ['', '{', '[]', 'null', '{}', '{"task_id":5,"entries":[]}', '{"task_id":"x"}'])
      expect([body, await send(body)]).toEqual([body, 400]);
    expect(await send(JSON.stringify({ task_id: task.taskId, entries: [null] }))).toBe(422);
    expect(await send('x', { 'content-type': 'text/plain' })).toBe(415);
    expect(await send(JSON.stringify({ task_id: task.taskId, entries: [entry('x'.repeat(5_000_000))] }))).toBe(413);
    const many = Array.from({ length: 10_001 }, () => entry('x'));
    expect(await codeOf(await task.post(many))).toEqual([413, 'batch_too_large']);
    expect((await task.post([entry('nul \u0000 and half \ud800', { component: '\u0000' })])).status).toBe(200);
    expect((await task.post([])).status).toBe(200);
  });

  it('is for the builder that holds the task, while it goes on', async () => {
    const [task, other] = [await heldTask(p), await heldTask(p)];
    expect(await codeOf(await task.post([entry('x')], { task_id: other.taskId }))).toEqual([403, 'not_held']);
    expect(await codeOf(await task.post([entry('x')], { task_id: randomUUID() }))).toEqual([404, 'not_found']);
    expect(await codeOf(await task.post([entry('x')], { task_id: 'task-123' }))).toEqual([404, 'not_found']);
    await task.finish();
    expect(await codeOf(await task.post([entry('x')]))).toEqual([409, 'task_finished']);
  });
});

describe('a token', () => {
  const post = async (token: string) =>
    await fetch(`${p.url}/api/vm-build/task-logs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ task_id: randomUUID(), entries: [] }),
    });

  it('of a builder opens what builders do, and nothing else does', async () => {
    const { token } = await heldTask(p);
    expect((await post(token)).status).toBe(404);
    const session = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
    for (const wrong of [p.adminToken, session.token, 'x']) expect((await post(wrong)).status).toBe(401);
    const asked = await p.ask('/api/overview', { headers: { authorization: `Bearer ${token}` } });
    expect(asked.status).toBe(401);
  });

  it('is made once, replaced, listed and revoked', async () => {
    const made = await (await p.ask('/api/builder-tokens', { method: 'POST', body: { name: 'b-1' } })).json();
    expect(made).toEqual({ name: 'b-1', token: expect.stringMatching(/^[\w-]{43}$/), replaced: false });
    expect((await post(made.token)).status).toBe(404);
    const next = await (await p.ask('/api/builder-tokens', { method: 'POST', body: { name: 'b-1' } })).json();
    expect(next.replaced).toBe(true);
    expect((await post(made.token)).status).toBe(401);
    const list = await p.json<{ builders: { name: string }[] }>('/api/builder-tokens');
    expect(list.builders.filter(({ name }) => name === 'b-1')).toHaveLength(1);
    expect(JSON.stringify(list)).not.toContain(next.token);
    expect((await p.ask('/api/builder-tokens/b-1', { method: 'DELETE' })).status).toBe(204);
    expect((await p.ask('/api/builder-tokens/b-1', { method: 'DELETE' })).status).toBe(404);
    expect((await post(next.token)).status).toBe(401);
    expect((await p.ask('/api/builder-tokens', { method: 'POST', body: { name: '../x' } })).status).toBe(400);
    const events = p.logged.map(({ event }) => event).filter((event) => String(event).startsWith('security.'));
    expect(new Set(events)).toEqual(
      new Set(['security.builder_token_issued', 'security.builder_token_revoked', 'security.builder_refused']),
    );
    expect(JSON.stringify(p.logged)).not.toContain(next.token);
  });
});

describe('reading', () => {
  it('pages through 10,000 lines without a gap or a repeat, and filters', async () => {
    const task = await heldTask(p);
    for (let n = 0; n < 5; n++) {
      const entries = Array.from({ length: 2000 }, (_, k) =>
        entry(`line ${n * 2000 + k + 1}`, {
          level: k % 100 === 0 ? 'ERROR' : 'INFO',
          component: k % 2 ? 'PACKER' : 'ANSIBLE',
        }),
      );
      expect((await task.post(entries)).status).toBe(200);
    }
    await task.finish();
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: TaskLogs = await read(task.taskId, `limit=777${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.entries.map(({ message }) => message));
      expect(page.complete).toBe(page.next_cursor === null);
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen).toEqual(Array.from({ length: 10_000 }, (_, n) => `line ${n + 1}`));
    expect((await read(task.taskId, 'level=WARN&limit=5000')).entries).toHaveLength(100);
    expect((await read(task.taskId, 'component=PACKER&limit=5000')).entries).toHaveLength(5000);
    const found = await read(task.taskId, 'q=LINE%20999&limit=5000');
    expect(found.entries.map(({ line }) => line)).toEqual([999, ...Array.from({ length: 10 }, (_, n) => 9990 + n)]);
    const two = await read(task.taskId, 'q=line%20999&limit=2');
    expect(two.entries.map(({ line }) => line)).toEqual([999, 9990]);
    expect(two.next_cursor).toBe('1.9991');
    expect((await p.ask(`/api/vm-build/task-logs/${task.taskId}?attempt=2`)).status).toBe(404);
    expect((await p.ask(`/api/vm-build/task-logs/${task.taskId}?cursor=x`)).status).toBe(400);
    expect((await p.ask('/api/vm-build/task-logs/task-123')).status).toBe(404);
    expect((await fetch(`${p.url}/api/vm-build/task-logs/${task.taskId}`)).status).toBe(401);
  });
});
