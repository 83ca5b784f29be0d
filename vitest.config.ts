import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/src/**/*.test.tsx', 'tests/**/*.test.ts'],
    globalSetup: ['tests/support/postgres.ts', 'tests/browser/support/shared-chromium.ts'],
    // A poll ends as soon as what it waits for is there.
    expect: { poll: { timeout: 60_000, interval: 20 } },
    // Tests wait for events, so a limit ends only what hangs: longer than `until` has patience, which says what is missing.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 60_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
