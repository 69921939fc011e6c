import { defineConfig } from 'vitest/config';

// Native media engines do not survive being loaded twice in one process's threads: every test file gets its own process.
// What a busy machine does late is not wrong: tests may take a minute, and `expect.poll` waits longer than its own second.
const shared = {
  pool: 'forks',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  setupFiles: ['test/seed.ts', 'test/leavings.ts'],
  expect: { poll: { timeout: 15_000 } },
};

export default defineConfig({
  test: {
    // Tests wait more than they compute: three at once, Chromium too, keep two cores busy.
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...shared,
          name: 'node',
          include: ['{src,test,bench,scripts,web}/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts', '**/node_modules/**'],
        },
      },
      {
        test: {
          ...shared,
          name: 'browser',
          include: ['{src,test,web}/**/*.browser.test.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
