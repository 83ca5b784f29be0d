import { expect, it } from 'vitest';
import { stretchesOf } from './strip.tsx';

it('draws what is alike side by side as one', () => {
  expect(stretchesOf('uuoofo')).toEqual([
    { letter: 'u', from: 0, length: 2 },
    { letter: 'o', from: 2, length: 2 },
    { letter: 'f', from: 4, length: 1 },
    { letter: 'o', from: 5, length: 1 },
  ]);
  expect(stretchesOf('o'.repeat(96))).toHaveLength(1);
  expect(stretchesOf('x?')).toEqual([]);
});
