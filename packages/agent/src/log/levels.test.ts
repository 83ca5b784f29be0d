import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { expect, test } from 'vitest';
import { levelOf, levelsOf } from './levels.ts';

const ERRORS = [
  'error: something broke',
  'Error: Cannot find module',
  'fatal: not a git repository',
  'ERROR Failed to build',
  '[ERROR] COMPILATION ERROR :',
  'src/main.c:12:5: error: expected ;',
  'src/main.c:3:10: fatal error: zlib.h: No such file or directory',
  'src/a.ts(3,5): error TS2322: Type string is not assignable',
  'error[E0308]: mismatched types',
  'E: Unable to locate package nosuch',
  'make: *** [Makefile:3: all] Error 2',
  'make[1]: *** No rule to make target "x".  Stop.',
  'Traceback (most recent call last):',
  'ValueError: bad value',
  'java.lang.NullPointerException: null',
  'panic: runtime error: index out of range',
  '--- FAIL: TestSum (0.00s)',
  'FAILED tests/test_a.py::test_b',
  'npm ERR! code ELIFECYCLE',
  'CMake Error at CMakeLists.txt:5 (find_package):',
  "/usr/bin/ld: main.o: undefined reference to `foo'",
  '/tmp/step-1.sh: 3: foo: not found',
  '/tmp/step-1.sh: line 3: foo: command not found',
  'Segmentation fault (core dumped)',
  '2026-01-02T03:04:05.678Z ERROR worker died',
  'time=2026-01-02 level=error msg="no"',
  '\u001b[1m\u001b[31merror\u001b[0m: coloured',
];
const WARNINGS = [
  'warning: unused variable',
  'src/main.c:12:5: warning: unused variable x [-Wunused]',
  'WARN deprecated',
  '[WARNING] old plugin',
  'W: GPG error in the index',
  'npm WARN deprecated a@1',
];
const ORDINARY = [
  'compiling error.c',
  'all tests passed, 0 errors',
  'no warnings',
  'checking for foo... not found',
  'Installing libwarning-dev',
  'running test "panic: at the disco"',
  '   Compiling thiserror v1.0.40',
  'WARNINGS_AS_ERRORS=1',
  'FAILOVER enabled',
  '',
];

test.each(ERRORS)('an error: %s', (line) => {
  expect(LOG_LEVELS[levelOf(line)]).toBe('ERROR');
});
test.each(WARNINGS)('a warning: %s', (line) => {
  expect(LOG_LEVELS[levelOf(line)]).toBe('WARN');
});
test.each(ORDINARY)('nothing special: %s', (line) => {
  expect(LOG_LEVELS[levelOf(line)]).toBe('INFO');
});

test('a block gives the same levels as its lines one by one', () => {
  const lines = [...ORDINARY, ...ERRORS, 'E: at once', ...WARNINGS, ...ORDINARY, 'E: last'];
  for (const some of [lines, lines.toReversed(), ['E: first', 'W: second', 'x']]) {
    const block = Buffer.from(some.map((line) => `${line}\n`).join(''));
    const { stretches, lines: count, firstError } = levelsOf(block, block.toString('latin1'));
    expect(count).toBe(some.length);
    expect(stretches.flatMap(({ lines: n, level }) => Array(n).fill(level))).toEqual(some.map(levelOf));
    const index = some.findIndex((line) => LOG_LEVELS[levelOf(line)] === 'ERROR');
    expect(firstError).toEqual({ index, text: Buffer.from(some[index] ?? '').toString('latin1') });
  }
});
