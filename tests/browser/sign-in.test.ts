import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture, TOKEN } from '../../packages/web/dev/server.ts';
import { openBrowser, openPage } from './support/browser.ts';
import { chromiumPath } from './support/chromium-path.ts';
import { builtDashboard } from './support/dashboard.ts';

describe.skipIf(chromiumPath === null)('signing in', () => {
  let browser: Browser;
  let fixture: Fixture;

  beforeAll(async () => {
    const dist = await builtDashboard();
    [browser, fixture] = await Promise.all([openBrowser(), startFixture({ dist, auth: true, basePath: '/kiln' })]);
  });

  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
  });

  it('asks for the token, refuses a wrong one with words, and goes to where one wanted', async () => {
    const { page } = await openPage(browser, `${fixture.url}recipes?q=ngi`);
    await page.getByText('Sign in to Kiln').waitFor();
    await page.getByLabel('Admin token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('This is not the admin token').waitFor();
    await page.getByLabel('Admin token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${fixture.url}recipes?q=ngi`);
    await page.getByText('1 of 8 recipes').waitFor();
    await page.context().close();
  });

  it('asks again when the session ends, and after signing out', async () => {
    const { page } = await openPage(browser, `${fixture.url}sign-in`);
    const signIn = async () => {
      await page.getByLabel('Admin token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.getByText('Live', { exact: true }).waitFor();
    };
    await signIn();
    await page.getByRole('link', { name: 'Fleet', exact: true }).first().click();
    await page.getByText('forge-1.example.com').waitFor();
    fixture.forget();
    await page.getByText('Sign in to Kiln').waitFor();
    await signIn();
    await page.waitForURL(`${fixture.url}fleet`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Sign in to Kiln').waitFor();
    expect(page.url()).toBe(`${fixture.url}sign-in`);
    await page.context().close();
  });
});
