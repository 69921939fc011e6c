// A real Chromium for the browser tests: the system's, or where there is none the one from npm. No download in either case.
import { access } from 'node:fs/promises';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A running Chromium; it ends with the scope. */
export interface TestChromium extends AsyncDisposable {
  readonly browser: Browser;
  /** What the pages complained about: uncaught errors, and errors on the console. */
  readonly errors: string[];
  /** Opens an empty page in a context of its own. */
  page(options?: BrowserContextOptions): Promise<Page>;
}

/** Starts Chromium without a window, with further flags. `CHROMIUM` names another one. */
export async function launchChromium(flags: readonly string[] = []): Promise<TestChromium> {
  const browser = await chromium.launch({ executablePath: await findChromium(), args: [...FLAGS, ...flags], headless: true });
  const errors: string[] = [];
  return {
    browser,
    errors,
    page: async (options = {}) => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        if (message.type() === 'error') errors.push(message.text());
      });
      return page;
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

async function findChromium(): Promise<string> {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const place of PLACES) {
    const found = await access(place).then(
      () => true,
      () => false,
    );
    if (found) return place;
  }
  const packed = await import('@sparticuz/chromium');
  return await packed.default.executablePath();
}
