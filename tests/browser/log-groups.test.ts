import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import {
  type LogPlatform,
  type Said,
  type SeededRun,
  startLogPlatform,
  visibleNumbers,
} from './support/log-platform.ts';

const start = Date.UTC(2026, 4, 7, 14);

function step(name: string, state: PhaseReport['state'], seconds: [number, number]): PhaseReport['steps'][number] {
  const [from, to] = seconds.map((second) => start + second * 1000);
  const exitCode = state === 'failed' ? 2 : 0;
  return { name, state, startedAt: from ?? 0, finishedAt: to ?? 0, exitCode, signal: null, firstLine: null };
}

function phase(name: string, state: PhaseReport['state'], steps: PhaseReport['steps']): PhaseReport {
  const [startedAt = null, finishedAt = null] = [steps[0]?.startedAt, steps.at(-1)?.finishedAt];
  return { name, weight: 1, state, startedAt, finishedAt, steps };
}

const kiln = (text: string, phase: number, step: number): Said => ({ text, component: 'kiln', phase, step });
const output = (count: number, phase: number, step: number): Said[] =>
  Array.from({ length: count }, (_, n) => ({ text: `${phase}.${step} ${n + 1}`, phase, step }));

/** Fetch (lines 2 to 103) went well, `configure` too, `make` (lines 206 to 506) failed at line 400. */
const lines: Said[] = [
  kiln('Run: r | Trace: t', -1, -1),
  kiln('▸ phase fetch', 0, -1),
  kiln('$ git clone', 0, 0),
  ...output(100, 0, 0),
  kiln('▸ phase build', 1, -1),
  kiln('$ ./configure', 1, 0),
  ...output(100, 1, 0),
  kiln('$ make', 1, 1),
  ...output(193, 1, 1),
  { text: 'main.c:1: error: no', level: 'ERROR', phase: 1, step: 1 },
  ...output(106, 1, 1),
  kiln('✘ phase build failed', 1, -1),
];

describe.skipIf(chromiumPath === null)('phases and steps in the log', () => {
  let browser: Browser;
  let farm: LogPlatform;
  let run: SeededRun;

  beforeAll(async () => {
    browser = await openBrowser();
    farm = await startLogPlatform(browser);
    run = await farm.seed({ fetch: ['git clone'], build: ['./configure', 'make'] }, lines);
    await run.report([
      phase('fetch', 'completed', [step('git clone', 'completed', [0, 65])]),
      phase('build', 'failed', [step('./configure', 'completed', [65, 90]), step('make', 'failed', [90, 120])]),
    ]);
    await run.end({
      class: 'Command Failed',
      message: 'make ended with exit code 2',
      phase: 'build',
      step: 'make',
      line: 400,
      lineText: 'main.c:1: error: no',
      exitCode: 2,
      signal: null,
    });
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  const open = async (rest = '') => await farm.open(`runs/${run.runId}${rest}`);
  const fold = (page: Page, name: string) =>
    page.getByTestId('log').getByRole('button', { name: new RegExp(`^${name},`) });

  it('fold to their first line, say how they went, and are in the address', async () => {
    const { page, complaints } = await open('#L2');
    await expect.poll(async () => await visibleNumbers(page)).toContain(2);
    const fetch = page.getByTestId('log').locator('[data-row="2"]');
    await expect.poll(async () => await fetch.textContent()).toContain('1m 05s');
    await fold(page, 'fetch').click();
    await page.waitForURL(/fold=0(&|#)/);
    await expect.poll(async () => (await visibleNumbers(page)).slice(0, 4)).toEqual([1, 2, 104, 105]);
    await expect.poll(async () => await fetch.textContent()).toContain('101 lines folded');
    await page.reload();
    await expect.poll(async () => (await visibleNumbers(page)).slice(0, 4)).toEqual([1, 2, 104, 105]);
    await expect.poll(async () => await fold(page, 'fetch').getAttribute('aria-expanded')).toBe('false');
    await fold(page, 'fetch').click();
    await expect.poll(async () => (await visibleNumbers(page)).slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('that ended well fold at once, and what failed stays open at its error', async () => {
    const { page } = await open();
    await expect.poll(async () => await visibleNumbers(page)).toContain(400);
    await page.keyboard.press('z');
    await page.waitForURL(/fold=done/);
    await expect.poll(async () => await visibleNumbers(page)).toContain(400);
    await page.keyboard.press('Home');
    await expect.poll(async () => (await visibleNumbers(page)).slice(0, 6)).toEqual([1, 2, 104, 105, 206, 207]);
    await page.context().close();
  });

  it('open where a line that is asked for is folded', async () => {
    const { page } = await open('?fold=0,1#L50');
    await expect.poll(async () => await visibleNumbers(page)).toContain(50);
    await page.keyboard.press('e');
    await expect.poll(async () => await visibleNumbers(page)).toContain(400);
    expect(new URL(page.url()).searchParams.get('fold')).toBe('none');
    await page.context().close();
  });

  it('stay named over the lines, lead to their beginnings, and fold from there', async () => {
    const { page } = await open('#L450');
    const where = page.getByRole('navigation', { name: 'Where the log is' });
    await where.getByRole('button', { name: 'make', exact: true }).waitFor();
    expect(await where.textContent()).toContain('build');
    expect(await where.textContent()).toContain('30s');
    await where.getByRole('button', { name: 'make', exact: true }).click();
    await expect.poll(async () => (await visibleNumbers(page))[0]).toBe(206);
    await page.keyboard.press(']');
    await page.keyboard.press('[');
    await expect.poll(async () => (await visibleNumbers(page))[0]).toBe(105);
    await page.keyboard.press('[');
    await expect.poll(async () => (await visibleNumbers(page))[0]).toBe(104);
    await page.getByTestId('log').evaluate((log) => {
      log.scrollTop = 450 * 20;
    });
    await where.getByRole('button', { name: 'Fold make' }).click();
    await expect.poll(async () => await visibleNumbers(page)).toEqual(expect.arrayContaining([205, 206, 507]));
    await page.context().close();
  });

  it('are on the ruler, which goes where it is clicked', async () => {
    const { page } = await open('#L2');
    await expect.poll(async () => await visibleNumbers(page)).toContain(2);
    const box = await page.getByTestId('ruler').boundingBox();
    if (!box) throw new Error('the ruler has no place');
    const at = (part: number) => [box.x + box.width / 2, box.y + part * box.height] as const;
    await page.mouse.move(...at(0.8));
    expect(await page.getByTestId('ruler').getAttribute('title')).toMatch(/^Line 40\d › build › make$/);
    await page.mouse.click(...at(0.8));
    await expect.poll(async () => await visibleNumbers(page)).toContain(405);
    await page.context().close();
  });
});
