import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../../packages/web/dev/server.ts';
import { openBrowser, openPage } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

describe.skipIf(chromiumPath === null)('the keyboard', () => {
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

  it('goes to pages, recipes and ids by the palette', async () => {
    const { page, complaints } = await openPage(browser, fixture.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'What to go to or do' }).waitFor();
    await page.keyboard.type('ngin');
    await page.getByRole('option', { name: 'nginx The web server' }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`${fixture.url}recipes/nginx`);
    const { runId } = fixture.farm.runOf('musl');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: 'What to go to or do' }).waitFor();
    await page.keyboard.type(runId);
    await page.getByRole('option', { name: `Trace ${runId}` }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('Sent job build to agent forge-1').waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('runs a recipe from the palette, and says why when nothing came of it', async () => {
    const { page } = await openPage(browser, fixture.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: 'Run recipe…' }).waitFor();
    await page.keyboard.type('run nginx');
    await page.getByRole('option', { name: 'Run nginx…' }).click();
    const published = fixture.farm.data.packages.find((made) => made.recipe === 'nginx');
    await page.getByLabel('Version').fill(published?.version ?? '');
    await page.keyboard.press('Enter');
    await page.getByText('is in the archive').waitFor();
    await page.getByLabel('Version').fill('5.6.7-1');
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: '5.6.7-1' }).waitFor();
    await page.context().close();
  });

  it('moves in lists with j and k, opens with Enter, searches with /, helps with ?', async () => {
    const { page } = await openPage(browser, `${fixture.url}runs`);
    await page.getByText('Failed').first().waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    await page.keyboard.press('j');
    const first = await focused();
    await page.keyboard.press('j');
    const second = await focused();
    expect(second).not.toBe(first);
    await page.keyboard.press('k');
    expect(await focused()).toBe(first);
    await page.keyboard.press('/');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('placeholder'))).toMatch(/^Version/);
    await page.keyboard.type('jk?');
    expect(await page.getByPlaceholder('Version, such as').inputValue()).toBe('jk?');
    await page.getByPlaceholder('Version, such as').fill('');
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'libfoo' }).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByText('Fetch and check').first().waitFor();
    await page.context().close();
  });
});
