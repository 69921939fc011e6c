// A page that draws barcodes on a canvas and publishes it by WHIP, and a page that notes which barcode it shows as which frame.
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import type { Page } from 'playwright-core';
import type * as Barcode from '../src/formats/barcode.ts';

export interface PaintOptions {
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
  readonly codec?: 'h264' | 'vp8';
  /** Name of the stream. */
  readonly stream?: string;
}

interface PainterGlobals {
  publishWhip: typeof import('../src/player/element.ts').publishWhip;
  barcode: typeof Barcode;
  painter: { canvas: HTMLCanvasElement; number: number; publisher: Awaited<ReturnType<PainterGlobals['publishWhip']>> };
}

/** Opens a page of the server with the barcode's own code and the player library in it. */
async function openTools(page: Page, url: string): Promise<void> {
  const source = stripTypeScriptTypes(await readFile(new URL('../src/formats/barcode.ts', import.meta.url), 'utf8'));
  const names = ['encodeCells', 'decodeCells'];
  await page.addScriptTag({ type: 'module', content: `${source}\nglobalThis.barcode = { ${names.join(', ')} };` });
  await page.addScriptTag({
    type: 'module',
    content: `import { publishWhip } from '${url}player.js'; globalThis.publishWhip = publishWhip;`,
  });
  await page.waitForFunction(() => 'publishWhip' in globalThis && 'barcode' in globalThis);
}

/** Draws barcodes (number of the picture, time of drawing) and publishes them; settles when the offer was answered. */
export async function paintAndPublish(page: Page, url: string, options: PaintOptions = {}): Promise<void> {
  await page.goto(`${url}embed/none`);
  await openTools(page, url);
  await page.evaluate(
    async ({ url, width = 1280, height = 720, fps = 30, codec = 'h264', stream = 'cam' }) => {
      const { barcode, publishWhip } = globalThis as unknown as PainterGlobals;
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const context = canvas.getContext('2d')!;
      const painter = { canvas, number: 0, publisher: null as unknown as PainterGlobals['painter']['publisher'] };
      const draw = () => {
        const { width, height } = canvas;
        const number = ++painter.number;
        const cell = width / 64;
        const cells = barcode.encodeCells({ frame: number, timeMs: performance.timeOrigin + performance.now(), tag: 7 });
        context.fillStyle = '#456';
        context.fillRect(0, 0, width, height);
        context.fillStyle = '#c84';
        context.fillRect((number * 7) % width, height / 2, cell * 6, cell * 6);
        for (const [i, white] of cells.entries()) {
          context.fillStyle = white ? '#fff' : '#000';
          context.fillRect((i % 64) * cell, Math.floor(i / 64) * cell, cell, cell);
        }
      };
      draw();
      setInterval(draw, 1000 / fps);
      if (codec === 'vp8') {
        const all = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
        RTCRtpReceiver.getCapabilities = (kind) => {
          const found = all(kind);
          return found && { ...found, codecs: found.codecs.filter(({ mimeType }) => !/h264/i.test(mimeType)) };
        };
      }
      painter.publisher = await publishWhip(`${url}live/${stream}/whip`, canvas.captureStream(fps));
      Object.assign(globalThis, { painter });
    },
    { url, ...options },
  );
}

/** A picture that a viewer showed. */
export interface Sample {
  /** Number that the painter drew; `null` = unreadable. */
  readonly painted: number | null;
  /** The browser called in time: no newer picture has taken the place of the one it told of. */
  sure: boolean;
  /** Id that the player gives to it. */
  readonly id: number;
  /** Capture time that the server gave to it minus the time of drawing, ms. */
  readonly stampError: number | null;
  /** From drawing to the screen, ms. */
  readonly latency: number | null;
}

/** Lets a page that shows a player note every new picture from now on. */
export async function recordShown(page: Page, url: string): Promise<void> {
  await openTools(page, url);
  await page.evaluate(() => {
    const { barcode } = globalThis as unknown as PainterGlobals;
    const samples: Sample[] = [];
    Object.assign(globalThis, { samples });
    const player = document.querySelector('sluice-player')! as HTMLElement & { shownFrame: { id: number; timestamp: number } | null };
    const video = player.shadowRoot!.querySelector('video')!;
    const strip = new OffscreenCanvas(256, 8).getContext('2d', { willReadFrequently: true })!;
    let before: { sample: Sample; presented: number; drawn: number } | null = null;
    const look = (_now: number, { expectedDisplayTime, presentationTime, presentedFrames }: VideoFrameCallbackMetadata) => {
      video.requestVideoFrameCallback(look);
      // A picture without a call of its own, or one that was there when the sample was taken.
      if (before && (presentedFrames !== before.presented + 1 || presentationTime <= before.drawn)) before.sample.sure = false;
      before = null;
      strip.drawImage(video, 0, 0, video.videoWidth, video.videoWidth / 32, 0, 0, 256, 8);
      const drawn = performance.now();
      const sure = drawn - presentationTime < 25;
      const { data } = strip.getImageData(0, 0, 256, 8);
      const cells = Array.from({ length: 128 }, (_, cell) => {
        const [x, y] = [(cell % 64) * 4 + 1, Math.floor(cell / 64) * 4 + 1];
        const at = (dx: number, dy: number) => data[((y + dy) * 256 + x + dx) * 4 + 1]!;
        return (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4;
      });
      const code = barcode.decodeCells(cells);
      // The player's own callback of this picture came before; a name that is still on its way leaves `null`.
      const named = player.shownFrame;
      if (!named) return;
      const sample = {
        painted: code?.frame ?? null,
        sure,
        id: named.id,
        stampError: code && named.timestamp / 1000 - code.timeMs,
        latency: code && performance.timeOrigin + expectedDisplayTime - code.timeMs,
      };
      samples.push(sample);
      before = { sample, presented: presentedFrames, drawn };
    };
    video.requestVideoFrameCallback(look);
  });
}

/** What was noted so far. */
export async function readSamples(page: Page): Promise<Sample[]> {
  return await page.evaluate(() => (globalThis as unknown as { samples: Sample[] }).samples);
}
