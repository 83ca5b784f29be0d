import { startPlatform } from '@kiln/platform/main.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { createSignInLink } from '@kiln/store/credentials.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestFarm, testFarm } from '../support/farm-context.ts';
import { failed, running, tellHost, tellOfADay } from '../support/host-readings.ts';
import { openBrowser, openPage, stopLookingAgain } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

describe.skipIf(chromiumPath === null)('the hosts', () => {
  let browser: Browser;
  let farm: TestFarm;
  let url: string;

  beforeAll(async () => {
    const webRoot = await builtDashboard();
    [browser, farm] = await Promise.all([openBrowser(), testFarm({ 'http.addr': '127.0.0.1:0' })]);
    url = `http://${(await startPlatform(farm.context, { webRoot })).address}`;
  });
  afterAll(async () => {
    await browser?.close();
    await farm?.drop();
  });
  beforeEach(async () => void (await farm.db`DELETE FROM hosts`));

  async function open(path: string, options = {}): Promise<{ page: Page; complaints: string[] }> {
    const code = await createSignInLink(farm.db);
    const opened = await openPage(browser, `${url}/sign-in?code=${code}`, options);
    await opened.page.goto(`${url}/${path}`);
    return opened;
  }

  const sideways = async (page: Page) =>
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

  it('say how to set up a heartbeat while there are none', async () => {
    const { page, complaints } = await open('hosts');
    await page.getByText('No host has sent a heartbeat yet').waitFor();
    await page.getByLabel('Name of the host').fill('db-7');
    await page.getByText('kiln host token db-7 > heartbeat-token').waitFor();
    await page.getByText(`KILN_HEARTBEAT_ENDPOINT=${url}/v1/metrics`).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('show a row for each unit, what failed and how, and the restarts of many at once', async () => {
    await tellOfADay(farm.db, 'web-1');
    const { page, complaints } = await open('hosts');
    const rows = page.getByRole('listitem').filter({ has: page.getByRole('img') });
    await rows.first().waitFor();
    expect(await rows.count()).toBe(9);
    const k3s = rows.filter({ hasText: 'k3s.service' });
    await k3s.getByText('Failed', { exact: true }).first().waitFor();
    await k3s.getByText('exit 7').waitFor();
    await rows.filter({ hasText: 'odd.service' }).getByText('not listed').waitFor();
    await rows.filter({ hasText: 'backup.timer' }).getByText('overdue').waitFor();
    const agent = rows.filter({ hasText: 'kiln-agent.service' });
    await agent.getByText('4 restarts in 24 h').waitFor();
    await agent.getByText('out of memory').waitFor();
    await page.getByText('5 units restarted at once').waitFor();
    expect(await page.getByLabel('Mass restarts').getByRole('listitem').count()).toBe(1);
    await page.getByText('1 failed, 1 missing, 1 stale, 1 not listed and failed of').waitFor();
    await page.getByLabel('Search hosts and units').fill('k3s');
    await page.waitForURL(/q=k3s/);
    expect(await rows.count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('tell of a unit: its history, its last failure and its charts', async () => {
    await tellOfADay(farm.db, 'web-1');
    const { page, complaints } = await open('hosts');
    await page.getByRole('link', { name: 'kiln-agent.service' }).click();
    await page.waitForURL(/\/hosts\/web-1\/units\/kiln-agent\.service$/);
    await page.getByText('4 in the last 24 hours').waitFor();
    await page.getByText('Restarted by systemd 4 times: out of memory').waitFor();
    await page.getByText('Started again by hand or by another unit').waitFor();
    await page.getByRole('img', { name: /^Memory: now/ }).waitFor();
    await page.getByRole('img', { name: /^The last 24 hours: .*restarting/ }).waitFor();
    expect(complaints).toEqual([]);
    await page.goBack();
    await page.getByRole('heading', { name: 'Hosts', exact: true }).waitFor();
    await page.context().close();
  });

  it('follow what happens without a reload', async () => {
    await tellHost(farm.db, 'web-1', 31, { 'a.service': running() });
    const { page } = await open('hosts/web-1');
    await stopLookingAgain(page);
    await page.getByText('1 unit, all well').waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await tellHost(farm.db, 'web-1', 0, { 'a.service': failed() });
    farm.context.bus.publish(SUBJECTS.changed, { topic: 'host', id: 'web-1' });
    await page.getByText('1 failed of 1 unit').waitFor();
    await page.context().close();
  });

  it('say since when a host is silent', async () => {
    await tellHost(farm.db, 'web-1', 700, { 'a.service': running() });
    const { page } = await open('hosts');
    await page.getByText(/No heartbeat for 11m \d\ds: what is below is what it said last/).waitFor();
    await page.getByText('Was OK').waitFor();
    await page.goto(`${url}/`);
    await page.getByRole('link', { name: /no heartbeat from web-1 since/ }).click();
    await page.waitForURL(/\/hosts\/web-1$/);
    await page.context().close();
  });

  it.each([
    ['light, on a desk', { viewport: { width: 1440, height: 900 }, colorScheme: 'light' }],
    ['dark, on a telephone', { viewport: { width: 390, height: 800 }, colorScheme: 'dark' }],
    ['on a wide screen', { viewport: { width: 2560, height: 1200 }, colorScheme: 'dark' }],
  ])('show 500 units quickly and never scroll sideways, %s', async (_, options) => {
    const units = Object.fromEntries(
      Array.from({ length: 500 }, (_unit, n) => [
        `some-rather-long-name-of-a-unit@${n}.service`,
        n % 50 ? running() : failed(),
      ]),
    );
    await tellHost(farm.db, 'big-1', 31, units);
    await tellHost(farm.db, 'big-1', 1, units);
    const { page, complaints } = await open('hosts', options);
    await page.getByRole('link', { name: 'All 500 units' }).waitFor();
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    await page.getByRole('link', { name: 'All 500 units' }).click();
    await page.getByText('500 units', { exact: true }).waitFor();
    expect(await page.locator('[data-item]').count()).toBe(500);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    await page.getByRole('switch', { name: 'Only those in trouble' }).check();
    await page.getByText('10 of 500 units').waitFor();
    await page.locator('[data-item]').first().click();
    await page.getByText('Seen for the first time').waitFor();
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
