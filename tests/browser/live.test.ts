import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../../packages/web/dev/server.ts';
import { openBrowser, openPage, reconnect, stopLookingAgain } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

describe.skipIf(chromiumPath === null)('what is live', () => {
  let browser: Browser;
  let fixture: Fixture;

  beforeAll(async () => {
    const dist = await builtDashboard();
    [browser, fixture] = await Promise.all([openBrowser(), startFixture({ dist })]);
  });

  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
  });

  it('a cancel in one browser is seen in another, without a reload', async () => {
    const run = fixture.farm.runOf('openssl');
    const { page: one } = await openPage(browser, `${fixture.url}runs/${run.runId}`);
    const { page: other } = await openPage(browser, `${fixture.url}runs?recipe=openssl`);
    await stopLookingAgain(other);
    await other.getByText('Building').first().waitFor();
    await one.getByText('Live', { exact: true }).waitFor();
    await one.getByRole('button', { name: 'Cancel' }).click();
    await one.getByRole('button', { name: 'Cancel the run' }).click();
    await one.locator('h1').getByText('Cancelled').waitFor();
    await other.locator('li', { hasText: '3.3.0-1' }).getByText('Cancelled').waitFor();
    await one.getByRole('button', { name: 'Retry now' }).click();
    await other.locator('li', { hasText: '3.3.0-1' }).getByText('Queued').waitFor();
    await Promise.all([one.context().close(), other.context().close()]);
  });

  it('a lost connection says since when the data is, and comes back by itself without a gap in the log', async () => {
    const run = fixture.farm.runOf('nginx');
    const { page } = await openPage(browser, `${fixture.url}runs/${run.runId}`);
    await page.getByText('4,200 lines, following').waitFor();
    fixture.away(true);
    await page.getByText(/Data from \d\d:\d\d:\d\d/).waitFor();
    for (let n = 1; n <= 40; n += 1) fixture.farm.print(run, { text: `while away ${n}` });
    fixture.away(false);
    await reconnect(page);
    await page.getByTestId('log').getByText('while away 40').waitFor();
    fixture.farm.print(run, { text: 'after it' });
    await page.getByTestId('log').getByText('after it').waitFor();
    const rows = page.getByTestId('log').locator('[data-row] > [data-text]');
    const last = (await rows.allTextContents()).slice(-20);
    expect(last).toEqual([...Array.from({ length: 19 }, (_, n) => `while away ${n + 22}`), 'after it']);
    await page.context().close();
  });

  it('durations tick, and progress is seen as it comes', async () => {
    const run = fixture.farm.runOf('libfoo');
    const { page } = await openPage(browser, fixture.url);
    await stopLookingAgain(page);
    const line = page.locator('li', { hasText: run.version }).first();
    await line.waitFor();
    const before = await line.textContent();
    await expect.poll(async () => await line.textContent()).not.toBe(before);
    fixture.farm.end(run, 'completed');
    await page.getByRole('link', { name: `libfoo ${run.version}` }).waitFor({ state: 'detached' });
    await page.context().close();
  });

  it('a dead letter is tried again, or thrown away after a question', async () => {
    const { page } = await openPage(browser, `${fixture.url}operations`);
    await page.getByText('2 events that could not be handled').waitFor();
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText('1 event that could not be handled').waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('button', { name: 'Discard it' }).click();
    await page.getByText('There are none').waitFor();
    await page.context().close();
  });
});
