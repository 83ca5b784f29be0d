import { describe, expect, it } from 'vitest';
import { parseSelection, selectionHash } from './selection.ts';

describe('lines in the address', () => {
  it.each([
    ['L12', { first: 12, last: 12 }],
    ['L12-L20', { first: 12, last: 20 }],
    ['L20-12', { first: 12, last: 20 }],
    ['L0', null],
    ['L', null],
    ['L1-L2-L3', null],
    ['main', null],
    ['', null],
  ])('%j', (hash, selection) => {
    expect(parseSelection(hash)).toEqual(selection);
  });

  it('are written as they are read', () => {
    expect(selectionHash({ first: 7, last: 7 })).toBe('L7');
    expect(parseSelection(selectionHash({ first: 7, last: 9 }))).toEqual({ first: 7, last: 9 });
  });
});
