import { chromium } from 'playwright-core';
const [,, out, ...files] = process.argv;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--headless','--no-sandbox','--disable-gpu','--allow-file-access-from-files'] });
const page = await browser.newPage({ viewport: { width: 2400, height: 1000 } });
const fs = await import('node:fs');
await page.setContent('<body style="margin:0;display:flex;gap:10px;background:#888;width:max-content">' + files.map(f => `<img style="display:block" src="data:image/png;base64,${fs.readFileSync(f).toString('base64')}">`).join(''));
await page.locator('body').screenshot({ path: out });
await browser.close();
