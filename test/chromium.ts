// A real Chromium for the browser tests: the system's, or where there is none the one from npm. No download in either case.
import { access } from 'node:fs/promises';
import { type Browser, chromium } from 'playwright-core';

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

/** Starts Chromium without a window; close it with the returned browser. `CHROMIUM` names another one. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: await findChromium(), args: FLAGS, headless: true });
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
