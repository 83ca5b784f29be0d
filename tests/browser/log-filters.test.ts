import { text } from 'node:stream/consumers';
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

/** A moment after the job began: a whole second. */
const start = Math.ceil(Date.now() / 1000) * 1000 + 60_000;

/** 3,000 lines over two phases: every 100th a warning, every 500th an error; line 7 by another component. */
const lines = Array.from({ length: 3000 }, (_, n): Said => {
  const line = n + 1;
  const level = line % 500 === 0 ? 'ERROR' : line % 100 === 0 ? 'WARN' : 'INFO';
  const component = line === 7 ? 'ANSIBLE' : 'output';
  return {
    text: `line ${line}`,
    level,
    component,
    phase: line <= 1200 ? 0 : 1,
    step: 0,
    time: start + line,
  };
});
const warnings = Array.from({ length: 30 }, (_, n) => (n + 1) * 100);

describe.skipIf(chromiumPath === null)('what of a log is shown', () => {
  let browser: Browser;
  let farm: LogPlatform;
  let run: SeededRun;

  beforeAll(async () => {
    browser = await openBrowser();
    farm = await startLogPlatform(browser);
    run = await farm.seed({ fetch: ['git clone'], build: ['make'] }, lines);
    await run.report(
      ['fetch', 'build'].map((name) => ({
        name,
        weight: 1,
        state: 'completed',
        startedAt: start,
        finishedAt: start + 60_000,
        steps: [],
      })),
    );
    await run.end();
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  const open = async (rest = '') => {
    const { page, complaints } = await farm.open(`runs/${run.runId}${rest}`);
    await page.getByText('3,000 lines, finished').waitFor();
    return { page, complaints };
  };
  const sees = async (page: Page, wanted: number[]) =>
    await expect.poll(async () => await visibleNumbers(page)).toEqual(wanted);

  it('are warnings and errors at a click on their counts, which equal the log', async () => {
    const { page, complaints } = await open();
    await page.getByRole('button', { name: '24 warnings' }).click();
    await page.getByText('Only warnings and errors: 30 lines').waitFor();
    await page.keyboard.press('Home');
    await sees(page, warnings.slice(0, (await visibleNumbers(page)).length));
    await page.getByRole('button', { name: '6 errors' }).click();
    await sees(page, [500, 1000, 1500, 2000, 2500, 3000]);
    await page.getByRole('button', { name: '6 errors' }).click();
    await expect.poll(async () => (await visibleNumbers(page)).length).toBeGreaterThan(20);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is one component or one phase, together with a level, and stays so in the address', async () => {
    const { page } = await open();
    await page.getByRole('button', { name: 'Filter the lines' }).click();
    await page.getByRole('menuitem', { name: 'ANSIBLE' }).click();
    await sees(page, [7]);
    await page.getByRole('menuitem', { name: 'ANSIBLE' }).click();
    await page.getByRole('menuitem', { name: 'fetch' }).click();
    await page.getByRole('menuitem', { name: 'Warnings and errors' }).click();
    await sees(page, warnings.slice(0, 12));
    await page.reload();
    await sees(page, warnings.slice(0, 12));
    await page.getByRole('button', { name: 'Show all lines' }).click();
    await expect.poll(async () => (await visibleNumbers(page)).length).toBeGreaterThan(13);
    await page.context().close();
  });

  it('comes as a file: all of it, as text or JSON, or the lines that are shown', async () => {
    const { page } = await open('?level=error');
    await sees(page, [500, 1000, 1500, 2000, 2500, 3000]);
    const download = async (name: string) => {
      await page.getByRole('button', { name: 'More that can be done' }).click();
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name }).click()]);
      return (await text(await file.createReadStream())).trimEnd().split('\n');
    };
    expect(await download('Download as text')).toEqual(lines.map((_, n) => `line ${n + 1}`));
    const json = (await download('Download as JSON')).map((line): unknown => JSON.parse(line));
    expect(json).toHaveLength(3000);
    expect(json[499]).toMatchObject({ line: 500, level: 'ERROR', text: 'line 500' });
    expect(await download('Download the shown lines')).toEqual(
      [500, 1000, 1500, 2000, 2500, 3000].map((n) => `line ${n}`),
    );
    await page.context().close();
  });

  it('goes from warning to warning, to the first error, to lines and times, by key and by name', async () => {
    const { page } = await open('#L150');
    const contains = async (line: number) => await expect.poll(async () => await visibleNumbers(page)).toContain(line);
    await contains(150);
    await page.keyboard.press('w');
    await contains(200);
    await page.keyboard.press('w');
    await contains(300);
    await page.keyboard.press('W');
    await page.keyboard.press('W');
    await contains(100);
    await page.keyboard.press('e');
    await contains(500);
    await page.keyboard.press('g');
    await page.keyboard.type('2345');
    await page.keyboard.press('Enter');
    await contains(2345);
    await page.getByRole('button', { name: 'More that can be done' }).click();
    await page.getByRole('menuitem', { name: 'Go to a line or a time' }).click();
    await page.getByRole('textbox', { name: 'Go to' }).fill(clockOf(start + 900));
    await page.keyboard.press('Enter');
    await contains(900);
    await page.keyboard.press('g');
    await page.keyboard.type('soon');
    await page.keyboard.press('Enter');
    await page.getByText('A line such as 1234').waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.waitForURL(/\/runs$/);
    await page.context().close();
  });

  it('names every key in the help, and each is a button or in the menu as well', async () => {
    const { page } = await open('#L150');
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor();
    const keys = await page
      .getByRole('dialog')
      .locator('section', { hasText: 'Search the whole log' })
      .locator('kbd')
      .allTextContents();
    expect(keys.length).toBeGreaterThan(15);
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await page.keyboard.type('line 2');
    await page.getByText(/ of 1,111$/).waitFor();
    await page.getByTestId('log').focus();
    await page.getByRole('button', { name: 'More that can be done' }).click();
    const named = await page.getByRole('menuitem').locator('kbd').allTextContents();
    expect([...named].sort()).toEqual(expect.arrayContaining(keys.filter((key) => key !== 'p').sort()));
    await page.context().close();
  });
});

function clockOf(time: number): string {
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${at.getMilliseconds()}`;
}
