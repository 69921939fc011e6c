// Talking to the player of a page.
import type { Page } from 'playwright-core';
import type { SluicePlayer } from '../src/player/element.ts';

/** Runs in the page with the player. */
export function inPage<T>(page: Page, work: (player: SluicePlayer) => T | Promise<T>): Promise<T> {
  return page.evaluate(`(${work.toString()})(document.querySelector('sluice-player'))`) as Promise<T>;
}

/** Asks the player until the answer is accepted, and gives it back. */
export async function until<T>(
  page: Page,
  what: string,
  read: (player: SluicePlayer) => T,
  accept: (value: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await inPage(page, read);
    if (accept(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs / 1000} s; last seen ${JSON.stringify(value)}`);
    await page.waitForTimeout(50);
  }
}
