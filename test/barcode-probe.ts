// Reads the barcode of what a page really shows, beside what the player says that it shows.
import type { Page } from 'playwright-core';
import { decodeCells } from '../src/formats/barcode.ts';

export interface Shown {
  /** Number in the picture, `null` = unreadable. */
  readonly code: { frame: number; timeMs: number } | null;
  /** What `shownFrame` says. */
  readonly named: { id: number; timestamp: number } | null;
}

/** Both at the same moment: pixels of `<video>`, `<canvas>` or `<img>` in the player, and its `shownFrame`. */
export async function readShown(page: Page): Promise<Shown> {
  const { luma, named } = await page.evaluate(async () => {
    const player = document.querySelector('sluice-player') as
      | (HTMLElement & { shownFrame: { id: number; timestamp: number } | null })
      | null;
    const picture = player?.shadowRoot?.querySelector('video, canvas, img') as
      | HTMLVideoElement
      | HTMLCanvasElement
      | HTMLImageElement
      | null;
    const width =
      picture instanceof HTMLVideoElement
        ? picture.videoWidth
        : picture instanceof HTMLImageElement
          ? picture.naturalWidth
          : (picture?.width ?? 0);
    if (!picture || !width) return { luma: null, named: player?.shownFrame ?? null };
    const canvas = new OffscreenCanvas(256, 8);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    // A <video> may change between two lines of a page, and a picture be there a moment before its name: read again where that was so.
    let named = player!.shownFrame;
    for (let tries = 0, unnamed = 0; tries < 10 && unnamed < 200; ) {
      context.drawImage(picture, 0, 0, width, width / 32, 0, 0, 256, 8);
      const before = named;
      named = player!.shownFrame;
      if (named && before?.id === named.id) break;
      if (named) tries++;
      else {
        unnamed++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    const { data } = context.getImageData(0, 0, 256, 8);
    const cells: number[] = [];
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 64; column++) {
        let sum = 0;
        for (let y = row * 4 + 1; y < row * 4 + 3; y++) {
          for (let x = column * 4 + 1; x < column * 4 + 3; x++) sum += data[(y * 256 + x) * 4 + 1]!;
        }
        cells.push(sum / 4);
      }
    }
    return { luma: cells, named };
  });
  const code = luma && decodeCells(luma);
  return { code: code ? { frame: code.frame, timeMs: code.timeMs } : null, named };
}

interface Sample {
  readonly named: { readonly id: number; readonly timestamp: number };
  /** The picture changed while it was read, and was read again. */
  readonly again: number;
}

/** The next new frames at the moment when the player tells of them: the number in the picture, and the name. */
export async function readFrames(page: Page, count: number): Promise<(Sample & { readonly code: Shown['code'] })[]> {
  const samples = await page.evaluate(
    (wanted) =>
      new Promise<(Sample & { luma: number[] })[]>((resolve) => {
        const player = document.querySelector('sluice-player') as HTMLElement & { shownFrame: { id: number; timestamp: number } | null };
        const canvas = new OffscreenCanvas(256, 8);
        const context = canvas.getContext('2d', { willReadFrequently: true })!;
        const found: (Sample & { luma: number[] })[] = [];
        let before = 0;
        const onFrame = () => {
          let again = 0;
          let named = player.shownFrame;
          const picture = player.shadowRoot!.querySelector('video, canvas, img') as HTMLVideoElement | HTMLCanvasElement | HTMLImageElement;
          const width =
            picture instanceof HTMLVideoElement
              ? picture.videoWidth
              : picture instanceof HTMLImageElement
                ? picture.naturalWidth
                : picture.width;
          if (!named || named.id === before || !width) return;
          // A <video> may change between two lines of a page: the same moment is read again where it did.
          for (let name = 0; name !== named.id; again++) {
            name = named.id;
            context.drawImage(picture, 0, 0, width, width / 32, 0, 0, 256, 8);
            named = player.shownFrame;
            // It has no name yet: it will be told of.
            if (!named) return;
          }
          before = named.id;
          const { data } = context.getImageData(0, 0, 256, 8);
          const luma = Array.from({ length: 128 }, (_, cell) => {
            const [left, top] = [(cell % 64) * 4 + 1, Math.floor(cell / 64) * 4 + 1];
            const at = (x: number, y: number) => data[((top + y) * 256 + left + x) * 4 + 1]!;
            return (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4;
          });
          found.push({ named, again: again - 1, luma });
          if (found.length < wanted) return;
          player.removeEventListener('frame', onFrame);
          resolve(found);
        };
        player.addEventListener('frame', onFrame);
      }),
    count,
  );
  return samples.map(({ named, again, luma }) => {
    const code = decodeCells(luma);
    return { named, again, code: code ? { frame: code.frame, timeMs: code.timeMs } : null };
  });
}

/** Waits until the player shows and names a picture. */
export async function waitForPicture(page: Page, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const shown = await readShown(page);
    if (shown.code && shown.named) return;
    if (Date.now() > end) throw new Error(`no named picture within ${timeoutMs} ms: ${JSON.stringify(shown)}`);
    await page.waitForTimeout(100);
  }
}

/** Pauses a live picture and waits until it stands at its frame in what is kept: this one, or on a busy machine the one before. */
export async function pauseKept(
  page: Page,
  timeoutMs = 30_000,
): Promise<{ readonly code: { frame: number }; readonly named: { id: number } }> {
  await page.evaluate(() => (document.querySelector('sluice-player') as HTMLElement & { pause(): void }).pause());
  const end = Date.now() + timeoutMs;
  for (;;) {
    const stands = await page.evaluate(() => {
      const player = document.querySelector('sluice-player') as HTMLElement & { activeTransport: string | null; paused: boolean };
      const video = player.shadowRoot!.querySelector('video');
      return player.paused && player.activeTransport === 'hls' && video !== null && video.srcObject === null && !video.seeking;
    });
    const { code, named } = await readShown(page);
    if (stands && code && named && code.frame === named.id) return { code, named };
    if (Date.now() > end) throw new Error(`no kept picture within ${timeoutMs} ms: ${JSON.stringify({ stands, code, named })}`);
    await page.waitForTimeout(100);
  }
}
