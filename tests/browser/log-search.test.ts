import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { type LogPlatform, type SeededRun, startLogPlatform, visibleNumbers } from './support/log-platform.ts';

/** 50,000 lines: `Needle` on lines 3, 25,000 and 49,990, coloured in the middle one; `hay` on all others. */
const lines = Array.from({ length: 50_000 }, (_, n) => {
  if (n + 1 === 3) return 'a Needle, early';
  if (n + 1 === 25_000) return 'a \x1b[31mNee\x1b[1mdle\x1b[0m in colours';
  return n + 1 === 49_990 ? 'a needle, late' : `hay ${n + 1}`;
});

describe.skipIf(chromiumPath === null)('the search of a log', () => {
  let browser: Browser;
  let farm: LogPlatform;
  let run: SeededRun;

  beforeAll(async () => {
    browser = await openBrowser();
    farm = await startLogPlatform(browser);
    run = await farm.seed({ build: ['make'] }, lines);
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  const open = async (rest = '') => {
    const { page, complaints } = await farm.open(`runs/${run.runId}${rest}`);
    await page.getByText(/lines, (following|paused|finished)/).waitFor();
    return { page, complaints };
  };
  const field = (page: Page) => page.getByRole('textbox', { name: 'Search the whole log' });
  const marks = (page: Page) => page.getByTestId('log').locator('mark').allTextContents();
  const sees = async (page: Page, line: number) =>
    await expect.poll(async () => await visibleNumbers(page)).toContain(line);

  it('covers lines that were never loaded; hits are marked, counted, and gone through by keys', async () => {
    const { page, complaints } = await open();
    await sees(page, 50_000);
    await page.keyboard.press('/');
    await page.keyboard.type('needle');
    await page.getByText('3 of 3').waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('1 of 3').waitFor();
    await sees(page, 3);
    expect(await marks(page)).toEqual(['Needle']);
    await page.keyboard.press('Enter');
    await sees(page, 25_000);
    expect((await marks(page)).join('')).toBe('Needle');
    await page.keyboard.press('Enter');
    await sees(page, 49_990);
    await page.keyboard.press('Shift+Enter');
    await sees(page, 25_000);
    await page.getByTestId('log').focus();
    await page.keyboard.press('N');
    await sees(page, 3);
    await page.keyboard.press('n');
    await page.getByText('2 of 3').waitFor();
    await page.keyboard.press('Escape');
    await field(page).waitFor({ state: 'detached' });
    expect(await marks(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('takes an expression, minds the case, and is in the address', async () => {
    const { page } = await open();
    await page.keyboard.press('Control+f');
    await page.getByRole('button', { name: 'Regular expression' }).click();
    await field(page).fill('^a N\\w+, (early|late)$');
    await page.getByText('2 of 2').waitFor();
    await page.getByRole('button', { name: 'Match case' }).click();
    await page.getByText('1 of 1').waitFor();
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toMatchObject({ mode: 'regex', case: 'match' });
    await page.reload();
    await page.getByText('1 of 1').waitFor();
    expect(await field(page).inputValue()).toBe('^a N\\w+, (early|late)$');
    await page.context().close();
  });

  it('says what is wrong with an expression, and is well again when it is mended', async () => {
    const { page } = await open('?q=needle(&mode=regex');
    await page.getByRole('alert').filter({ hasText: /\(/ }).waitFor();
    await field(page).fill('needle');
    await page.getByText(/ of 3/).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.context().close();
  });

  it('shows only lines that match, with lines around, and goes back to where a line is among all', async () => {
    const { page } = await open('?q=needle');
    await page.getByText(/ of 3/).waitFor();
    await page.getByRole('button', { name: 'Show only matching lines' }).click();
    await expect.poll(async () => await visibleNumbers(page)).toEqual([3, 25_000, 49_990]);
    await page.getByLabel('Lines around each match').selectOption('3');
    await expect
      .poll(async () => await visibleNumbers(page))
      .toEqual([1, 2, 3, 4, 5, 6, ...range(24_997, 25_003), ...range(49_987, 49_993)]);
    await page.getByTestId('log').getByText('hay 25001', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Show all lines' }).click();
    await expect.poll(async () => (await visibleNumbers(page)).length).toBeGreaterThan(25);
    await page.context().close();
  });

  it('gives up a search that nobody waits for any more, and shows the answer to the last one', async () => {
    const { page } = await open();
    await page.route(/q=hay\+1&/, () => undefined);
    const given = page.waitForEvent('requestfailed', (request) => request.url().includes('q=hay+1&'));
    await page.keyboard.press('/');
    await field(page).fill('hay 1');
    await page.waitForRequest(/q=hay\+1&/);
    await field(page).fill('hay 12345');
    expect((await given).failure()?.errorText).toBe('net::ERR_ABORTED');
    await page.getByText('1 of 1').waitFor();
    expect(await marks(page)).toEqual(['hay 12345']);
    await page.context().close();
  });

  it('finds lines that come while it is open', async () => {
    const { page } = await open('?q=needle&only=0');
    await expect.poll(async () => await visibleNumbers(page)).toEqual([3, 25_000, 49_990]);
    await run.print('hay again', 'one more needle');
    await expect.poll(async () => await visibleNumbers(page)).toEqual([3, 25_000, 49_990, 50_002]);
    await page.context().close();
  });
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
