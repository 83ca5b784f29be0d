// `npm test`: installs and builds what is missing, then runs the tests; arguments after `--` go to Vitest.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { become, ensureDashboard, ensurePackages, fail, ROOT } from './ground.mjs';
import { ensurePrograms } from './machine.mjs';

ensurePackages();
const missing = ensurePrograms();
if (missing.length > 0) {
  const sentence = `not installed, and not to be had without root: ${missing.join(', ')}`;
  if (process.env.CI) fail(sentence);
  process.stderr.write(`${sentence}; the tests that need them are skipped\n`);
}
ensureDashboard();

const report = join(ROOT, 'node_modules', '.cache', 'kiln-tests.json');
rmSync(report, { force: true });
const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
process.exitCode = await become([
  vitest,
  'run',
  '--root',
  ROOT,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
printVerdict();

/** The last line, for programs: how many tests passed and failed. */
function printVerdict() {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites, success } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that could not even be loaded fails without a test.
    const failed = numFailedTests || (success ? 0 : numFailedTestSuites);
    process.stdout.write(`${numPassedTests} passed, ${failed} failed\n`);
  } catch {
    process.stderr.write('Vitest left no report; its messages are above\n');
    process.exitCode ||= 1;
  }
}
