import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import { takeLead } from '@kiln/store/leadership.ts';
import { readRoster } from '@kiln/store/recipes.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { Roster } from './roster.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let dir: string;
let rung: number;
let roster: Roster;
let term: number | null;
const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
const log = createLogger({ level: 'info', format: 'json', service: 'orchestrator', instance: 'o', destination });

beforeEach(async () => {
  made = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), 'kiln-roster-'));
  lines.length = 0;
  rung = 0;
  const bus = new LocalBus(log);
  bus.subscribe(SUBJECTS.roster, () => rung++);
  term = await takeLead(made.db, 'o');
  roster = new Roster(dir, { db: made.db, bus, log, instance: 'o' }, { term: () => term });
});
afterEach(async () => {
  await made.drop();
  await rm(dir, { recursive: true });
});

const write = async (name: string, text: string) => await writeFile(join(dir, name), text);
const names = () => roster.all().map((recipe) => recipe.name);
const stored = async () => (await readRoster(made.db)).recipes.map((recipe) => recipe.name);

test('the first load says how many recipes there are, saves them and rings', async () => {
  await write('zlib.yaml', 'steps: [x]');
  await write('musl.yaml', 'steps: [x]');
  await roster.load();
  expect(names()).toEqual(['musl', 'zlib']);
  expect(roster.get('musl')?.name).toBe('musl');
  expect(roster.get('nothing')).toBeUndefined();
  expect(await stored()).toEqual(['musl', 'zlib']);
  expect(rung).toBe(1);
  expect(lines).toMatchObject([{ level: 'info', msg: 'recipe roster loaded', count: 2 }]);
});

test('at the start a bad recipe is left out, with an error that names file and line', async () => {
  await write('good.yaml', 'steps: [x]');
  await write('bad.yaml', 'description: x\nstepz: [x]\n');
  expect(await roster.load()).toHaveLength(1);
  expect(names()).toEqual(['good']);
  const error = lines.find((line) => line.level === 'error');
  expect(error).toMatchObject({ file: join(dir, 'bad.yaml'), fix: expect.any(String) });
  expect(lines.map((line) => line.msg).join('\n')).toContain(`${join(dir, 'bad.yaml')}:2:1 unknown key "stepz"`);
  expect(lines.at(-1)).toMatchObject({ msg: 'recipe roster loaded', count: 1 });
});

test('a reload with a problem keeps the whole roster of before, and the next good one is taken', async () => {
  await write('a.yaml', 'description: one\nsteps: [x]\n');
  await write('b.yaml', 'steps: [x]');
  await roster.load();
  lines.length = 0;
  await write('a.yaml', 'description: two\nsteps: [x]\n');
  await write('b.yaml', 'steps:\n  - [x]\n');
  await write('c.yaml', 'steps: [x]');
  await roster.reload();
  expect(names()).toEqual(['a', 'b']);
  expect(roster.get('a')?.description).toBe('one');
  expect(await stored()).toEqual(['a', 'b']);
  expect(rung).toBe(1);
  expect(lines).toMatchObject([{ level: 'error', file: join(dir, 'b.yaml'), line: 2 }]);
  expect(lines[0]?.msg).toContain('recipe roster not reloaded');
  await write('b.yaml', 'steps: [x]');
  await roster.reload();
  expect(names()).toEqual(['a', 'b', 'c']);
  expect(roster.get('a')?.description).toBe('two');
  expect(rung).toBe(2);
});

test('a folder that is gone keeps the roster of before', async () => {
  await write('a.yaml', 'steps: [x]');
  await roster.load();
  await rm(dir, { recursive: true });
  await roster.reload();
  expect(names()).toEqual(['a']);
  await writeFile(dir, '');
});

test('reloads at once take turns', async () => {
  await roster.load();
  await write('a.yaml', 'steps: [x]');
  await Promise.all(Array.from({ length: 5 }, async () => await roster.reload()));
  expect(names()).toEqual(['a']);
  expect(await stored()).toEqual(['a']);
  expect(rung).toBe(6);
});

test('a database that does not answer keeps the roster of before and is logged', async () => {
  await write('a.yaml', 'steps: [x]');
  await roster.load();
  await made.db`ALTER TABLE recipes RENAME TO elsewhere`;
  await write('b.yaml', 'steps: [x]');
  await roster.reload();
  expect(names()).toEqual(['a']);
  expect(lines.at(-1)).toMatchObject({ level: 'error', msg: 'recipe roster not reloaded: it could not be saved' });
});

describe('with another orchestrator', () => {
  let otherDir: string;
  let otherTerm: number | null;
  let other: Roster;
  beforeEach(async () => {
    otherDir = await mkdtemp(join(tmpdir(), 'kiln-roster-'));
    otherTerm = null;
    const context = { db: made.db, bus: new LocalBus(log), log, instance: 'other' };
    other = new Roster(otherDir, context, { term: () => otherTerm });
  });
  afterEach(async () => await rm(otherDir, { recursive: true }));

  const namesOf = (one: Roster) => one.all().map((recipe) => recipe.name);
  /** Makes the other one lead, as when this one was killed. */
  const takeOver = async () => {
    await made.db`UPDATE leadership SET expires_at = now()`;
    otherTerm = await takeLead(made.db, 'other');
  };
  /** Runs the other one's loop until `check` holds. */
  const watching = async (what: string, check: () => boolean) => {
    const lifecycle = new Lifecycle(log);
    other.watch(lifecycle);
    await until(what, check);
    await lifecycle.stop();
  };

  test('a follower works by the recipes of the leader, whatever is in its own folder, and hears of changes', async () => {
    await write('a.yaml', 'steps: [x]');
    await writeFile(join(otherDir, 'b.yaml'), 'steps: [x]');
    await roster.load();
    expect(await other.load()).toEqual([]);
    expect([namesOf(other), await stored()]).toEqual([['a'], ['a']]);
    await write('c.yaml', 'steps: [x]');
    await roster.reload();
    await watching('the change', () => other.version === roster.version);
    expect(namesOf(other)).toEqual(['a', 'c']);
  });

  test('a follower has the newest recipes once it caught up, without waiting to hear of them', async () => {
    await roster.load();
    await other.load();
    await write('a.yaml', 'steps: [x]');
    await roster.reload();
    expect(namesOf(other)).toEqual([]);
    await other.catchUp();
    expect(namesOf(other)).toEqual(['a']);
  });

  test('a reload of a follower says who leads, and changes nothing', async () => {
    await write('a.yaml', 'steps: [x]');
    await roster.load();
    await other.load();
    lines.length = 0;
    await other.reload();
    expect(lines).toMatchObject([
      {
        level: 'warn',
        msg: 'recipe roster not reloaded: another orchestrator leads',
        leader: 'o',
        source: expect.stringContaining(dir),
        remedy: expect.stringContaining('SIGHUP'),
      },
    ]);
    expect([namesOf(other), await stored()]).toEqual([['a'], ['a']]);
  });

  test.each(['an empty folder', 'no folder'])(
    'one with %s never wipes the farm, even when it begins to lead',
    async (which) => {
      await write('a.yaml', 'steps: [x]');
      await roster.load();
      if (which === 'no folder') await rm(otherDir, { recursive: true });
      await takeOver();
      await other.load();
      expect([namesOf(other), await stored()]).toEqual([['a'], ['a']]);
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'info', msg: 'recipes folder is empty: the roster of before stays' }),
      );
      await mkdir(otherDir, { recursive: true });
      await other.reload();
      expect(await stored()).toEqual([]);
    },
  );

  test('one that takes the lead over loads its own recipes, all or none', async () => {
    await write('a.yaml', 'steps: [x]');
    await roster.load();
    await other.load();
    await writeFile(join(otherDir, 'b.yaml'), 'steps: [x]');
    await writeFile(join(otherDir, 'bad.yaml'), 'stepz: [x]');
    await takeOver();
    await watching('it was tried', () =>
      lines.some((line) => String(line.msg).startsWith('recipe roster not reloaded')),
    );
    expect(await stored()).toEqual(['a']);
    await rm(join(otherDir, 'bad.yaml'));
    await other.reload();
    expect([namesOf(other), await stored()]).toEqual([['b'], ['b']]);
    // The one of before does not know yet that it leads no more.
    await roster.reload();
    expect([names(), await stored()]).toEqual([['b'], ['b']]);
    expect(lines.at(-1)).toMatchObject({ msg: 'recipe roster loaded', count: 1 });
  });
});
