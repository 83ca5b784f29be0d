import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, reconnect } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { type LogPlatform, startLogPlatform, visibleLines, visibleNumbers } from './support/log-platform.ts';

const numbered = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => `number ${first + n}`);

describe.skipIf(chromiumPath === null)('a log that grows, ends and ages', () => {
  let browser: Browser;
  let farm: LogPlatform;

  beforeAll(async () => {
    browser = await openBrowser();
    farm = await startLogPlatform(browser);
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  const seed = async (lines: string[]) => await farm.seed({ build: ['make'] }, lines);
  const log = (page: Page) => page.getByTestId('log');

  /** Looks at every line of the log, page by page from the end, and checks that it is what was printed. */
  async function expectAll(page: Page, lines: number): Promise<void> {
    for (let line = lines; line > 0; line -= 400) {
      await page.keyboard.press('g');
      await page.keyboard.type(String(line));
      await page.keyboard.press('Enter');
      await expect.poll(async () => await visibleNumbers(page)).toContain(line);
      await expect.poll(async () => await log(page).locator('[data-ghost]').count()).toBe(0);
      const rows = await log(page)
        .locator('[data-row]')
        .evaluateAll((all) =>
          all.map((row) => [Number(row.getAttribute('data-row')), row.querySelector('[data-text]')?.textContent]),
        );
      for (const [number, text] of rows) expect(text).toBe(`number ${number}`);
    }
  }

  it('is joined late with its past, shows a line as soon as it is printed, and says when it is over', async () => {
    const run = await seed(numbered(1, 5000));
    const { page, complaints } = await farm.open(`runs/${run.runId}`);
    await page.getByText('5,000 lines, following').waitFor();
    for (let first = 5001; first <= 10_000; first += 500) await run.print(...numbered(first, first + 499));
    await page.getByText('10,000 lines, following').waitFor();
    await run.print('number 10001');
    await log(page).getByText('number 10001', { exact: true }).waitFor();
    await run.end();
    await page.getByText('10,001 lines, finished').waitFor();
    await expectAll(page, 10_001);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('is whole after the platform was away, while it is followed', async () => {
    const run = await seed(numbered(1, 700));
    const { page } = await farm.open(`runs/${run.runId}`);
    await page.getByText('700 lines, following').waitFor();
    await farm.restart(async () => {
      await page.getByText('Connection lost').waitFor();
      await run.print(...numbered(701, 900));
    });
    await reconnect(page);
    await page.getByText('900 lines, following').waitFor();
    await run.print(...numbered(901, 910));
    await page.getByText('910 lines, following').waitFor();
    expect((await visibleLines(page)).at(-1)?.text).toContain('number 910');
    await expectAll(page, 910);
    await page.context().close();
  });

  it('waits below while somebody reads above, counts what comes, and is followed again', async () => {
    const run = await seed(numbered(1, 300));
    const { page } = await farm.open(`runs/${run.runId}`);
    await page.getByText('300 lines, following').waitFor();
    await page.keyboard.press('p');
    await page.getByText('Paused · Jump to the end').waitFor();
    const before = await visibleLines(page);
    await run.print(...numbered(301, 1504));
    await page.getByRole('button', { name: '1,204 new lines' }).waitFor();
    expect(await visibleLines(page)).toEqual(before);
    await page.getByRole('status').filter({ hasText: 'came since you paused' }).waitFor({ state: 'attached' });
    await page.keyboard.press('End');
    await page.getByText('1,504 lines, following').waitFor();
    expect((await visibleNumbers(page)).at(-1)).toBe(1504);
    await page.context().close();
  });

  it('has the same lines at the same addresses when it is sealed, archived, and says so when it is removed', async () => {
    const run = await seed(numbered(1, 5000));
    await run.end();
    const { page } = await farm.open(`runs/${run.runId}?job=build&attempt=1#L1234-L1236`);
    const seen = async () => {
      await expect.poll(async () => await visibleNumbers(page)).toContain(1234);
      await log(page).getByText('number 1234', { exact: true }).waitFor();
      expect(await log(page).locator('[data-selected]').count()).toBe(3);
      return await visibleLines(page);
    };
    const live = await seen();
    await farm.retain('seal');
    await page.reload();
    expect(await seen()).toEqual(live);
    await farm.retain('archive');
    await page.reload();
    expect(await seen()).toEqual(live);
    await page.keyboard.press('/');
    await page.keyboard.type('number 4321');
    await log(page).locator('mark', { hasText: 'number 4321' }).waitFor();
    await farm.retain('expire');
    await page.goto(`${farm.url}runs/${run.runId}`);
    await page.getByRole('heading', { name: 'This log was removed' }).waitFor();
    await page.getByText(/The log was removed on \d{4}-\d\d-\d\d/).waitFor();
    await page.context().close();
  });

  it('asks for sign-in when the session is over', async () => {
    const run = await seed(numbered(1, 20));
    const { page } = await farm.open(`runs/${run.runId}`);
    await page.getByText('20 lines, following').waitFor();
    await page.evaluate(async () => {
      await fetch('/api/sign-out', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    });
    await page.getByLabel('Token').waitFor();
    expect(new URL(page.url()).pathname).toBe('/sign-in');
    await page.context().close();
  });
});
