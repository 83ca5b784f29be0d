import { createServer } from 'node:http';
import type { BrowserServer } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { chromiumPath } from './chromium-path.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with the address of the run's Chromium, which is started when it is asked for first. */
    chromium: string;
  }
}

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** One Chromium for the whole test run, which talks to nobody but the pages under test. A run without such tests starts none. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<BrowserServer> | null = null;
  const server = createServer((_, response) => {
    started ??= startChromium();
    started.then(
      (chromium) => response.end(chromium.wsEndpoint()),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('what leads to Chromium listens on no port');
  project.provide('chromium', `http://127.0.0.1:${address.port}`);
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    // One that could not be started has been reported to the tests that asked.
    await started?.then((chromium) => chromium.close()).catch(() => undefined);
  };
}

/** Starts a Chromium that talks to nobody but the pages under test. */
export async function startChromium(): Promise<BrowserServer> {
  if (chromiumPath === null) throw new Error('there is no Chromium; install it, or set CHROMIUM to its path');
  const { chromium } = await import('playwright-core');
  return await chromium.launchServer({ executablePath: chromiumPath, host: '127.0.0.1', args: ARGUMENTS });
}
