import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { createLogger } from '@kiln/service/log.ts';
import { LocalBus } from '@kiln/store/bus.ts';
import { readRoster } from '@kiln/store/recipes.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Roster } from './roster.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let dir: string;
let rung: number;
let roster: Roster;
const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
const log = createLogger({ level: 'info', format: 'json', service: 'orchestrator', instance: 'o', destination });

beforeEach(async () => {
  made = await testDatabase();
  dir = await mkdtemp(join(tmpdir(), 'kiln-roster-'));
  lines.length = 0;
  rung = 0;
  const bus = new LocalBus();
  bus.subscribe(SUBJECTS.roster, () => rung++);
  roster = new Roster({ dir, db: made.db, bus, log });
});
afterEach(async () => {
  await made.drop();
  await rm(dir, { recursive: true });
});

const write = async (name: string, text: string) => await writeFile(join(dir, name), text);
const names = () => roster.all().map((recipe) => recipe.name);
const stored = async () => (await readRoster(made.db)).map((recipe) => recipe.name);

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
