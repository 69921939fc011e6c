// Clicks on rows of the dashboard's table of markers, and what the picture then shows.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { readShown } from './barcode-probe.ts';

/** The machine may be busy with other tests. */
export const SOON = { timeout: 30_000 };

export interface Arrived {
  /** What the player says. */
  readonly shown: number | undefined;
  /** Number in the picture. */
  readonly drawn: number | undefined;
  /** What the panel says that went wrong. */
  readonly problem: string | null;
}

export const markerRow = (page: Page, id: string) => page.locator(`[data-panel=markers] tr[data-key="${id}"]`);

/** Counts the seeks by frame that have ended, well or not, from now on; `clickMarker` waits for them. */
export async function countSeeks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const player = document.querySelector('sluice-player') as HTMLElement & { seekFrame: (id: number) => Promise<void> };
    const seekFrame = player.seekFrame.bind(player);
    const counter = Object.assign(globalThis, { seeks: 0 });
    player.seekFrame = (id) =>
      seekFrame(id).finally(() => {
        // Behind those who wait for the same promise, and their next drawing.
        setTimeout(() => counter.seeks++, 100);
      });
  });
}

/** Scrolls to the row of a marker, clicks it and waits until the player has arrived, wherever. `countSeeks` comes first. */
export async function clickMarker(page: Page, id: string): Promise<Arrived> {
  await reach(page, id);
  const seeks = await page.evaluate<number>('seeks');
  await markerRow(page, id).locator('.cell-label').click();
  await expect.poll(() => page.evaluate<number>('seeks'), { timeout: 60_000 }).toBe(seeks + 1);
  const { code, named } = await readShown(page);
  const problem = await page.evaluate<string | null>("document.querySelector('.moments-problem')?.textContent ?? null");
  return { shown: named?.id, drawn: code?.frame, problem };
}

/** Only rows in view are in the document. */
async function reach(page: Page, id: string): Promise<void> {
  if (await markerRow(page, id).count()) return;
  await page.evaluate("document.querySelector('[data-panel=markers] .moments').scrollTop = 0");
  await expect
    .poll(async () => {
      if (await markerRow(page, id).count()) return true;
      await page.evaluate("document.querySelector('[data-panel=markers] .moments').scrollTop += 150");
      return false;
    }, SOON)
    .toBe(true);
}

/** Ids of the next frames that the player shows: those were in the video. A busy machine leaves out some. */
export async function framesSeen(page: Page, count: number): Promise<number[]> {
  return await page.evaluate(
    (wanted) =>
      new Promise<number[]>((resolve) => {
        const seen: number[] = [];
        document.querySelector('sluice-player')!.addEventListener('frame', (event) => {
          const { id, repeat } = (event as CustomEvent<{ id: number; repeat: boolean }>).detail;
          if (!repeat && !seen.includes(id)) seen.push(id);
          if (seen.length === wanted) resolve(seen);
        });
      }),
    count,
  );
}
