import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { inject } from 'vitest';

/** How long a page may take on a machine on which everything else runs as well. */
const PATIENCE_MS = 60_000;
/** Every answer is asked for again after so long, should the socket's hint get lost. */
const FALLBACK_MS = 30_000;

/** The run's one Chromium. Each caller has contexts of its own in it, which `close` ends; the Chromium stays. */
export async function openBrowser(): Promise<Browser> {
  const answer = await fetch(inject('chromium'));
  const endpoint = await answer.text();
  if (!answer.ok) throw new Error(endpoint);
  return await chromium.connect(endpoint);
}

/** A page of its own, and what its console complained about. Close its context when done: `page.context().close()`. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

/** Loads the page again, so that it never looks again by itself: what then changes on it came over the live socket, or is a tick. */
export async function stopLookingAgain(page: Page): Promise<void> {
  await page.addInitScript((fallbackMs) => {
    const every = window.setInterval;
    const shorter = (callback: () => void, ms: number) => (ms < fallbackMs ? every(callback, ms) : 0);
    Object.assign(window, { setInterval: shorter });
  }, FALLBACK_MS);
  await page.reload();
}

/** Does not wait for the page's next try to reach the farm, unless that came first. Returns when it is live again. */
export async function reconnect(page: Page): Promise<void> {
  const live = page.getByText('Live', { exact: true });
  await page.getByRole('button', { name: 'Try now' }).or(live).first().click();
  await live.waitFor();
}
