import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../../packages/web/dev/server.ts';
import { openBrowser, openPage } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

const PAGES: [path: string, heading: string][] = [
  ['', 'Overview'],
  ['runs', 'Runs'],
  ['recipes', 'Recipes'],
  ['recipes/nginx', 'nginx'],
  ['packages?open=main/libfoo', 'Packages'],
  ['fleet', 'Fleet'],
  ['hosts', 'Hosts'],
  ['hosts/forge-1.example', 'forge-1.example'],
  ['hosts/forge-1.example/units/kiln-server.service', 'kiln-server.service'],
  ['operations', 'Operations'],
  ['trace', 'Trace'],
  ['no/such/page', 'There is no such page'],
];

describe.skipIf(chromiumPath === null)('the pages', () => {
  let browser: Browser;
  let full: Fixture;
  let empty: Fixture;
  let below: Fixture;

  beforeAll(async () => {
    const dist = await builtDashboard();
    browser = await openBrowser();
    [full, empty, below] = await Promise.all([
      startFixture({ dist }),
      startFixture({ dist, kind: 'empty' }),
      startFixture({ dist, basePath: '/farms/kiln' }),
    ]);
  });

  afterAll(async () => {
    await browser?.close();
    await Promise.all([full?.close(), empty?.close(), below?.close()]);
  });

  const runs = () => ['musl', 'nginx', 'openssl', 'kiln-agent'].map((recipe) => full.farm.runOf(recipe));

  it.each([
    ['on a desk, light', { width: 1440, height: 900 }, 'light'],
    ['on a telephone, dark', { width: 400, height: 800 }, 'dark'],
  ] as const)(
    'show what they are for, without a complaint or a sideways scroll, %s',
    async (_, viewport, colorScheme) => {
      const { page, complaints } = await openPage(browser, full.url, { viewport, colorScheme });
      const all = [...PAGES, ...runs().map(({ runId, recipe }): [string, string] => [`runs/${runId}`, recipe])];
      for (const [path, heading] of all) {
        await page.goto(full.url + path);
        await page.locator('h1', { hasText: heading }).waitFor();
        await expect.poll(async () => await page.locator('[aria-busy="true"]').count()).toBe(0);
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(sideways, path).toBeLessThanOrEqual(0);
        expect(await page.title(), path).toMatch(/Kiln$/);
        expect(complaints, path).toEqual([]);
      }
      await page.context().close();
    },
  );

  it('say why they are empty and what to do next', async () => {
    const { page, complaints } = await openPage(browser, empty.url);
    for (const [path, text] of [
      ['', 'No agent is connected'],
      ['runs', 'Nothing has run yet'],
      ['recipes', 'There are no recipes yet'],
      ['packages', 'Nothing is published yet'],
      ['fleet', 'No agent has joined yet'],
      ['hosts', 'No host has sent a heartbeat yet'],
      ['operations', 'There are none'],
      ['trace', 'Put in an id'],
    ] as const) {
      await page.goto(empty.url + path);
      await page.getByText(text).first().waitFor();
    }
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('work below a path of a reverse proxy', async () => {
    const run = below.farm.runOf('musl');
    const { page, complaints } = await openPage(browser, `${below.url}runs`);
    await page.getByRole('link', { name: 'musl 1.2.5-1' }).click();
    await page.waitForURL(`${below.url}runs/${run.runId}`);
    await page.getByText('Command Failed in build').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.reload();
    await page.getByTestId('log').getByText('implicit declaration').waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('keep their filters in the address, and go back', async () => {
    const { page } = await openPage(browser, `${full.url}runs?status=failed`);
    await page.getByText('of these').waitFor();
    expect(await page.locator('li', { hasText: 'Complete' }).count()).toBe(0);
    await page.getByRole('link', { name: 'musl 1.2.5-1' }).click();
    await page.getByText('Why it failed').or(page.getByText('Command Failed in build')).first().waitFor();
    await page.goBack();
    await page.waitForURL(/status=failed$/);
    await page.getByPlaceholder('Version, such as').fill('1.2.5-1');
    await page.waitForURL(/version=1\.2\.5-1/);
    await page.getByText('1 of these').waitFor();
    await page.context().close();
  });

  it('say what failed and offer a retry when the farm does not answer', async () => {
    const { page } = await openPage(browser, full.url);
    await page.route('**/api/recipes', (route) =>
      route.fulfill({
        status: 500,
        body: JSON.stringify({ error: { code: 'internal', message: 'the disk is full' } }),
      }),
    );
    await page.getByRole('link', { name: 'Recipes', exact: true }).click();
    await page.getByText('The recipes could not be loaded').waitFor();
    await page.getByText('the disk is full').waitFor();
    await page.unroute('**/api/recipes');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('8 recipes').waitFor();
    await page.context().close();
  });
});
