import { chromium } from 'playwright-core';
const [,, base, out, ...specs] = process.argv;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless','--no-sandbox','--disable-gpu','--disable-quic','--no-first-run','--disable-background-networking','--disable-component-update','--disable-sync'] });
for (const spec of specs) {
  const [name, path, width='1440', scheme='light', action=''] = spec.split('|');
  const ctx = await browser.newContext({ viewport: { width: +width, height: width === '1440' ? 900 : 800 }, colorScheme: scheme });
  const page = await ctx.newPage();
  page.on('console', m => { if (['error','warning'].includes(m.type())) console.log(name, m.type(), m.text().slice(0,300)); });
  page.on('pageerror', e => console.log(name, 'PAGEERROR', e.message));
  await page.goto(base + path.replace(/^\//,''));
  await page.waitForTimeout(900);
  if (action) { await eval(`(async()=>{${action}})()`); await page.waitForTimeout(500); }
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (overflow > 0) console.log(name, 'OVERFLOW', overflow);
  await page.screenshot({ path: `${out}/${name}.png` });
  await ctx.close();
}
await browser.close();
