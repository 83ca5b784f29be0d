import type { KnownTag } from '@kiln/store/tags.ts';
import { describe, expect, test } from 'vitest';
import { decide, type Sight } from './decide.ts';

const match = (version: string, commit = `c${version}`) => ({ tag: `v${version}`, version, commit });
const known = (version: string, more: Partial<KnownTag> = {}): KnownTag => ({
  ...match(version),
  passedOver: false,
  movedTo: null,
  gone: false,
  ...more,
});
const sight = (more: Partial<Sight>): Sight => ({
  present: new Set([...(more.matches ?? []), ...(more.below ?? [])].map((tag) => tag.tag)),
  matches: [],
  below: [],
  known: [],
  earlier: [],
  archived: new Set(),
  firstSight: false,
  limit: 20,
  ...more,
});
const versions = (list: readonly { version: string }[]) => list.map((one) => one.version);
const four = [match('1.0'), match('1.1'), match('1.2'), match('2.0')];

describe('a first look', () => {
  test('asks for the newest only and passes over the rest', () => {
    const decision = decide(sight({ matches: four, firstSight: 1 }));
    expect(versions(decision.emit)).toEqual(['2.0']);
    expect(versions(decision.passedOver)).toEqual(['1.0', '1.1', '1.2']);
    expect(decision.changes.added.filter((tag) => tag.passedOver).map((tag) => tag.version)).toEqual([
      '1.0',
      '1.1',
      '1.2',
    ]);
  });

  test('asks for as many as it was told, oldest first', () => {
    expect(versions(decide(sight({ matches: four, firstSight: 2 })).emit)).toEqual(['1.2', '2.0']);
    expect(versions(decide(sight({ matches: four, firstSight: null })).emit)).toEqual(versions(four));
  });

  test('asks for nothing when the newest is in the archive', () => {
    const decision = decide(sight({ matches: four, firstSight: 1, archived: new Set(['1.0', '2.0']) }));
    expect(decision.emit).toEqual([]);
    expect(versions(decision.passedOver)).toEqual(['1.1', '1.2']);
  });

  test('after a change of the pattern does not ask again for what was asked for', () => {
    const decision = decide(sight({ matches: four, firstSight: 1, earlier: [match('2.0')] }));
    expect(decision.emit).toEqual([]);
  });

  test('after a change of the template asks for the newest under its new name', () => {
    const renamed = four.map((one) => ({ ...one, version: `${one.version}-2` }));
    const decision = decide(sight({ matches: renamed, firstSight: 1, known: [known('1.2'), known('2.0')] }));
    expect(versions(decision.emit)).toEqual(['2.0-2']);
    expect(decision.moved).toEqual([]);
    expect(decision.changes.added).toHaveLength(4);
  });

  test('of a recipe that comes back after a while is a first look again', () => {
    const decision = decide(sight({ matches: four, firstSight: 1, known: [known('1.0'), known('1.1')] }));
    expect(versions(decision.emit)).toEqual(['2.0']);
    expect(versions(decision.passedOver)).toEqual(['1.2']);
  });
});

describe('a later look', () => {
  test('asks for every new version, oldest first', () => {
    const decision = decide(sight({ matches: four, known: [known('1.1')] }));
    expect(versions(decision.emit)).toEqual(['1.0', '1.2', '2.0']);
    expect(decision.passedOver).toEqual([]);
  });

  test('leaves what is over the limit to the next one', () => {
    const decision = decide(sight({ matches: four, limit: 3 }));
    expect(versions(decision.emit)).toEqual(['1.0', '1.1', '1.2']);
    expect(decision.waiting).toBe(1);
    expect(versions(decision.changes.added)).toEqual(['1.0', '1.1', '1.2']);
  });

  test('reports a tag that moved and does not ask for it', () => {
    const moved = decide(sight({ matches: [match('1.0', 'new')], known: [known('1.0')] }));
    expect(moved.emit).toEqual([]);
    expect(moved.moved).toEqual([{ tag: 'v1.0', version: '1.0', from: 'c1.0', to: 'new' }]);
    expect(moved.changes.moved).toEqual([{ tag: 'v1.0', to: 'new' }]);
    const still = decide(sight({ matches: [match('1.0', 'new')], known: [known('1.0', { movedTo: 'new' })] }));
    expect(still.moved).toEqual([]);
    const back = decide(sight({ matches: [match('1.0')], known: [known('1.0', { movedTo: 'new' })] }));
    expect(back.moved).toEqual([{ tag: 'v1.0', version: '1.0', from: 'new', to: 'c1.0' }]);
    expect(back.changes.moved).toEqual([{ tag: 'v1.0', to: null }]);
  });

  test('notices a tag that vanished, and that it came back', () => {
    expect(decide(sight({ known: [known('1.0')] })).changes.gone).toEqual(['v1.0']);
    const outside = decide(sight({ present: new Set(['v1.0']), known: [known('1.0')] }));
    expect(outside.changes.gone).toEqual([]);
    const decision = decide(sight({ matches: [match('1.0')], known: [known('1.0', { gone: true })] }));
    expect(decision.changes.back).toEqual(['v1.0']);
    expect(decision.emit).toEqual([]);
  });

  test('takes a second tag of a version as the same version', () => {
    const decision = decide(sight({ matches: [match('1.0'), { ...match('1.0'), tag: '1.0' }] }));
    expect(decision.emit).toEqual([match('1.0')]);
    expect(decision.changes.added).toHaveLength(2);
  });

  test('keeps versions below the least one in mind, so that lowering it starts nothing', () => {
    const before = decide(sight({ matches: [match('2.0')], below: [match('1.0')] }));
    const added = before.changes.added.map((tag): KnownTag => ({ ...tag, movedTo: null, gone: false }));
    expect(decide(sight({ matches: [match('1.0'), match('2.0')], known: added })).emit).toEqual([]);
  });
});
