import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../../packages/web/dev/server.ts';
import { openBrowser, openPage } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

/** Numbers and texts of the lines that can be seen. */
async function visibleLines(page: Page): Promise<{ line: number; text: string }[]> {
  return await page.getByTestId('log').evaluate((log) => {
    const view = log.getBoundingClientRect();
    return [...log.querySelectorAll<HTMLElement>('[data-row]')]
      .filter((row) => {
        const at = row.getBoundingClientRect();
        return at.top >= view.top - 1 && at.bottom <= view.bottom + 1;
      })
      .map((row) => ({ line: Number(row.dataset.row), text: row.textContent ?? '' }));
  });
}

const scrollTo = (page: Page, part: number) =>
  page.getByTestId('log').evaluate((log, to) => {
    log.scrollTop = to * (log.scrollHeight - log.clientHeight);
  }, part);

describe.skipIf(chromiumPath === null)('the log', () => {
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

  const open = (recipe: string, rest = '') => {
    const run = fixture.farm.runOf(recipe);
    return openPage(browser, `${fixture.url}runs/${run.runId}${rest}`);
  };

  it('opens at the end of a running job and follows it; scrolling up pauses, and new lines are counted', async () => {
    const run = fixture.farm.runOf('nginx');
    const { page, complaints } = await open('nginx');
    await page.getByText('4,200 lines, following').waitFor();
    fixture.farm.print(run, { text: 'a line that was just printed' });
    await page.getByTestId('log').getByText('a line that was just printed').waitFor();
    expect((await visibleLines(page)).at(-1)?.line).toBe(4201);

    await page.getByTestId('log').hover();
    await page.mouse.wheel(0, -400);
    await page.getByText('Paused · Jump to the end').waitFor();
    const before = await visibleLines(page);
    for (let n = 0; n < 30; n += 1) fixture.farm.print(run, { text: `more ${n}` });
    await page.getByText('30 new lines').waitFor();
    expect(await visibleLines(page)).toEqual(before);

    await page.getByText('30 new lines').click();
    await page.getByTestId('log').getByText('more 29').waitFor();
    fixture.farm.print(run, { text: 'followed again' });
    await page.getByTestId('log').getByText('followed again').waitFor();
    fixture.farm.end(run, 'completed');
    await page.getByText('4,232 lines, finished').waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('shows markup as text and colours as colours, and a line that overwrites itself as a terminal does', async () => {
    const run = fixture.farm.runOf('openssl');
    const { page, complaints } = await open('openssl');
    await page.getByText('900 lines, following').waitFor();
    await page.evaluate(() => {
      window.addEventListener('kiln-broken', () => document.body.setAttribute('data-broken', ''));
    });
    fixture.farm.print(
      run,
      { text: '<img src=x onerror="window.dispatchEvent(new Event(\'kiln-broken\'))"><script>alert(1)</script>' },
      { text: '\x1b[1;32mgreen\x1b[0m and \x1b[38;2;1;2;3mexact\x1b[0m' },
      { text: 'progress  10%\rprogress 100%' },
      { text: 'it went wrong', level: 'ERROR' },
    );
    const log = page.getByTestId('log');
    await log.getByText('<img src=x onerror=').waitFor();
    expect(await log.locator('img, script').count()).toBe(0);
    expect(await page.locator('[data-broken]').count()).toBe(0);
    const exact = log.getByText('exact', { exact: true });
    expect(await exact.evaluate((span) => getComputedStyle(span).color)).toBe('rgb(1, 2, 3)');
    expect(await log.getByText('progress').textContent()).toBe('progress 100%');
    expect(await log.locator('[data-level="error"]', { hasText: 'it went wrong' }).count()).toBe(1);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('opens at the first error line of a failed job, and the card leads back to it', async () => {
    const { page } = await open('musl');
    await page.getByTestId('log').locator('[data-cause]').waitFor();
    expect((await visibleLines(page)).map(({ line }) => line)).toContain(1842);
    await page.keyboard.press('Home');
    await expect.poll(async () => (await visibleLines(page))[0]?.line).toBe(1);
    await page.getByRole('link', { name: '1842' }).first().click();
    await expect.poll(async () => (await visibleLines(page)).map(({ line }) => line)).toContain(1842);
    expect(page.url()).toMatch(/#L1842$/);
    await page.context().close();
  });

  it('has an address for a line and for a range', async () => {
    const { page } = await open('musl', '#L100-L104');
    await expect.poll(async () => (await visibleLines(page)).map(({ line }) => line)).toContain(102);
    expect(await page.getByTestId('log').locator('[data-selected]').count()).toBe(5);
    await page.getByRole('link', { name: 'Line 107' }).click();
    await page.waitForURL(/#L107$/);
    await page.getByRole('link', { name: 'Line 110' }).click({ modifiers: ['Shift'] });
    await page.waitForURL(/#L107-L110$/);
    expect(await page.getByTestId('log').locator('[data-selected]').count()).toBe(4);
    await page.context().close();
  });

  it('keeps what one looks at in view when lines are wrapped, and shows an earlier attempt', async () => {
    const { page } = await open('musl');
    const seen = async () => (await visibleLines(page)).map(({ line }) => line);
    await expect.poll(seen).toContain(1842);
    await page.keyboard.press('l');
    await page.getByTestId('log').locator('[data-wrap]').waitFor();
    await expect.poll(seen).toContain(1842);
    await expect.poll(async () => (await seen()).indexOf(1842)).toBeGreaterThan(2);
    await page.getByLabel('Attempt').first().click();
    await page.getByRole('option', { name: 'Attempt 1' }).click();
    await page.waitForURL(/attempt=1/);
    await expect.poll(seen).toContain(1842);
    await page.context().close();
  });

  it('stays at the same place of a job when another attempt is chosen', async () => {
    const { page } = await open('musl');
    const seen = async () => (await visibleLines(page)).map(({ line }) => line);
    await expect.poll(seen).toContain(1842);
    await page.keyboard.press('g');
    await page.keyboard.type('700');
    await page.keyboard.press('Enter');
    await expect.poll(seen).toContain(700);
    const [top] = await seen();
    await page.getByLabel('Attempt').first().click();
    await page.getByRole('option', { name: 'Attempt 1' }).click();
    await page.waitForURL(/attempt=1/);
    await expect.poll(async () => Math.abs(((await seen())[0] ?? 0) - (top ?? 0)) < 40).toBe(true);
    await page.context().close();
  });

  it('goes back to the line that the address had before', async () => {
    const { page } = await open('musl', '#L100');
    const seen = async () => (await visibleLines(page)).map(({ line }) => line);
    await expect.poll(seen).toContain(100);
    for (const line of [900, 1500]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `L${line}`);
      await expect.poll(seen).toContain(line);
    }
    await page.goBack();
    await expect.poll(seen).toContain(900);
    await page.goBack();
    await expect.poll(seen).toContain(100);
    await page.context().close();
  });

  it('moves by what the wheel turns, in a log that is longer than an element can be high, and in wrapped lines', async () => {
    const run = fixture.farm.data.runs.find((each) => each.version === '6.9.2-1');
    const { page } = await openPage(browser, `${fixture.url}runs/${run?.runId}#L500000`);
    const log = page.getByTestId('log');
    const top = async (line: number) =>
      await log.evaluate((element, wanted) => {
        const row = element.querySelector(`[data-row="${wanted}"]`);
        return (row?.getBoundingClientRect().y ?? Number.NaN) - element.getBoundingClientRect().y;
      }, line);
    await expect.poll(async () => (await visibleLines(page)).map((each) => each.line)).toContain(500_000);
    for (const wrapped of [false, true]) {
      if (wrapped) await page.keyboard.press('l');
      await expect.poll(async () => await log.locator('[data-ghost]').count()).toBe(0);
      await expect.poll(async () => await log.locator('[data-row="500000"]').count()).toBe(1);
      const scrolled = async () => await log.evaluate(({ scrollTop }) => scrollTop);
      const bar = await scrolled();
      let before = await top(500_000);
      await expect
        .poll(async () => {
          const last = before;
          before = await top(500_000);
          return before - last;
        })
        .toBe(0);
      await log.hover();
      for (let n = 0; n < 5; n += 1) await page.mouse.wheel(0, 40);
      await expect.poll(async () => Math.round(before - (await top(500_000)))).toBe(200);
      // The scroll bar, which went as far as the lines, is set right when it is quiet; the lines stay.
      await expect.poll(async () => Math.round((await scrolled()) - bar)).toBeLessThan(180);
      expect(Math.round(before - (await top(500_000)))).toBe(200);
      for (let n = 0; n < 5; n += 1) await page.mouse.wheel(0, -40);
      await expect.poll(async () => Math.round(before - (await top(500_000)))).toBe(0);
    }
    await page.context().close();
  });

  it('scrolls through a million lines, to both ends, and wraps them', async () => {
    const run = fixture.farm.data.runs.find((each) => each.version === '6.9.2-1');
    const { page, complaints } = await openPage(browser, `${fixture.url}runs/${run?.runId}`);
    await page.getByText('1,000,000 lines, finished').waitFor();
    await expect.poll(async () => (await visibleLines(page)).map(({ line }) => line)).toContain(734_112);
    for (const wrapped of [false, true]) {
      if (wrapped) await page.keyboard.press('l');
      for (const [part, line] of [
        [1, 1_000_000],
        [0.5, 500_000],
        [0, 1],
      ] as const) {
        await scrollTo(page, part);
        await expect.poll(async () => (await visibleLines(page)).map((each) => each.line)).toContain(line);
        const log = page.getByTestId('log');
        await expect.poll(async () => (await log.locator('[data-ghost]').count()) === 0).toBe(true);
      }
    }
    expect(await page.getByTestId('log').locator('[data-row]').count()).toBeLessThan(150);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
