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

const E = '\x1b';
const special: Said[] = [
  `${E}[1;31mbold red${E}[0m ${E}[38;5;196mindexed${E}[0m ${E}[38;2;1;2;3mexact${E}[0m ${E}[7minverse${E}[0m ${E}[4munder${E}[0m`,
  `fetching 10%\rfetching 100%${E}[K`,
  `abc\b\bXY ${E}[2Cgap ${E}[1G>`,
  `see ${E}]8;;https://example.com/build?id=1${E}\\the page${E}]8;;${E}\\ or ${E}]8;;javascript:alert(1)${E}\\not this${E}]8;;${E}\\`,
  `<img src=x onerror="document.body.dataset.broken = 1"><script>document.body.dataset.broken = 1</script>`,
  `${E}]0;a title\x07${E}[?25lhidden sequences${E}[?25h`,
  { text: 'fatal: everything is lost', level: 'FATAL' },
  { text: 'Installed: curl, wget', component: 'ANSIBLE' },
];

describe.skipIf(chromiumPath === null)('the lines of a log', () => {
  let browser: Browser;
  let farm: LogPlatform;
  let run: SeededRun;

  beforeAll(async () => {
    browser = await openBrowser();
    farm = await startLogPlatform(browser);
    run = await farm.seed({ build: ['make'] }, [
      ...special,
      ...Array.from({ length: 292 }, (_, n) => `line ${n + 9}`),
      `long ${'x'.repeat(3000)} end`,
    ]);
    await run.end();
  });

  afterAll(async () => {
    await browser?.close();
    await farm?.stop();
  });

  const open = async (rest = '', options = {}) => await farm.open(`runs/${run.runId}${rest}`, options);
  const row = (page: Page, line: number) => page.getByTestId('log').locator(`[data-row="${line}"]`);
  const text = async (page: Page, line: number) => await row(page, line).locator('[data-text]').textContent();

  it.each(['light', 'dark'] as const)('are shown as a terminal would, and markup as text (%s)', async (colorScheme) => {
    const { page, complaints } = await open('#L1', { colorScheme });
    await row(page, 8).getByText('Installed').waitFor();
    expect(await text(page, 1)).toBe('bold red indexed exact inverse under');
    const look = async (word: string) =>
      await row(page, 1)
        .getByText(word, { exact: true })
        .evaluate((span) => {
          const { color, backgroundColor, fontWeight, textDecorationLine } = getComputedStyle(span);
          return { color, backgroundColor, fontWeight, textDecorationLine };
        });
    expect((await look('bold red')).fontWeight).toBe('700');
    expect((await look('indexed')).color).toBe('rgb(255, 0, 0)');
    expect((await look('exact')).color).toBe('rgb(1, 2, 3)');
    expect((await look('under')).textDecorationLine).toBe('underline');
    expect((await look('inverse')).color).not.toBe((await look('inverse')).backgroundColor);
    expect(await text(page, 2)).toBe('fetching 100%');
    expect(await text(page, 3)).toBe('>XY   gap ');
    const link = row(page, 4).getByRole('link', { name: 'the page' });
    expect(await link.getAttribute('href')).toBe('https://example.com/build?id=1');
    expect(await link.getAttribute('rel')).toContain('noopener');
    expect(await row(page, 4).locator('a[href^="javascript"]').count()).toBe(0);
    expect(await text(page, 4)).toBe('see the page or not this');
    expect(await text(page, 5)).toContain('<img src=x onerror=');
    expect(await page.getByTestId('log').locator('img, script').count()).toBe(0);
    expect(await page.locator('body[data-broken]').count()).toBe(0);
    expect(await text(page, 6)).toBe('hidden sequences');
    expect(await row(page, 7).getByRole('img', { name: 'Fatal' }).count()).toBe(1);
    expect(await text(page, 8)).toBe('ANSIBLEInstalled: curl, wget');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('are named by links that say which attempt, and copied as they are seen', async () => {
    const { page } = await open('', { permissions: ['clipboard-read', 'clipboard-write'] });
    const clipboard = async () => await page.evaluate(async () => await navigator.clipboard.readText());
    await expect.poll(async () => await visibleNumbers(page)).toContain(301);
    await page.keyboard.press('Home');
    await page.getByRole('link', { name: 'Line 2', exact: true }).click();
    await page.getByRole('link', { name: 'Line 3', exact: true }).click({ modifiers: ['Shift'] });
    await page.getByText('Lines 2–3').waitFor();
    await page.getByRole('button', { name: 'Copy lines' }).click();
    await expect.poll(clipboard).toBe('fetching 100%\n>XY   gap \n');
    await page.keyboard.press('y');
    await expect.poll(clipboard).toBe(`${farm.url}runs/${run.runId}?job=build&attempt=1#L2-L3`);
    await page.goto(await clipboard());
    await expect.poll(async () => await page.getByTestId('log').locator('[data-selected]').count()).toBe(2);
    await page.keyboard.press('Escape');
    await expect.poll(async () => await page.getByTestId('log').locator('[data-selected]').count()).toBe(0);
    await page.context().close();
  });

  it('wrap, have times as one likes, and fill the screen; all of it is remembered or undone', async () => {
    const { page } = await open('#L300');
    await expect.poll(async () => await visibleNumbers(page)).toContain(300);
    const height = async () => (await row(page, 301).boundingBox())?.height ?? 0;
    expect(await height()).toBe(20);
    await page.keyboard.press('l');
    await expect.poll(height).toBeGreaterThan(100);
    await page.keyboard.press('End');
    await expect.poll(async () => (await row(page, 301).textContent())?.endsWith('end')).toBe(true);
    const bottoms = await page.getByTestId('log').evaluate((log) => {
      const last = log.querySelector('[data-row="301"]');
      return [last?.getBoundingClientRect().bottom ?? 0, log.getBoundingClientRect().bottom];
    });
    expect(Math.abs((bottoms[0] ?? 0) - (bottoms[1] ?? 0))).toBeLessThan(2);
    await page.reload();
    await expect.poll(height).toBeGreaterThan(100);
    await page.keyboard.press('l');
    await page.keyboard.press('t');
    await page.keyboard.press('Home');
    await expect.poll(async () => await row(page, 9).textContent()).toMatch(/\d\d:\d\d:\d\d\.\d{3}line 9$/);
    await page.keyboard.press('t');
    await expect.poll(async () => await row(page, 9).textContent()).toBe('9line 9');
    await page.keyboard.press('f');
    const section = page.getByRole('region', { name: 'Log of Log' });
    await expect.poll(async () => (await section.boundingBox())?.width).toBe(1440);
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await section.boundingBox())?.width).toBeLessThan(1200);
    await page.context().close();
  });

  it('can be read and reached on a telephone', async () => {
    const { page } = await open('', { viewport: { width: 390, height: 844 } });
    await expect.poll(async () => await page.getByTestId('log').locator('[data-row="301"]').count()).toBe(1);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.getByRole('button', { name: 'More that can be done' }).click();
    await page.getByRole('menuitem', { name: 'Jump to the beginning' }).click();
    await expect.poll(async () => await visibleNumbers(page)).toContain(1);
    await page.context().close();
  });
});
