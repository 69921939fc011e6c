// The checkerboard's own knowledge of its events against what the colour patch detector finds in the pictures, in simulated time.
import { ColorPatchParams } from '../src/api/schema.ts';
import type { FrameInfo } from '../src/core/frame.ts';
import type { Micros } from '../src/core/time.ts';
import { barcodeHeight, drawBarcode } from '../src/formats/barcode.ts';
import { open } from '../src/processors/color-patch.ts';
import type { FoundMarker } from '../src/processors/processor.ts';
import { checkerboard } from '../src/sources/pattern/checkerboard.ts';
import { exponential, random } from '../src/sources/pattern/random.ts';
import { Schedule } from '../src/sources/pattern.ts';

export interface TruthOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  readonly vary?: readonly [number, number];
  readonly drop?: number;
  readonly gap?: { readonly every: string; readonly length: string };
}

/** First and last frame id of an event. */
export interface Event {
  readonly first: number;
  readonly last: number;
}

/** Seconds at which the events of a seed begin; each lasts 2 s. Written down anew here, so that a fault of the generator shows. */
export function* eventsOf(seed: number): Generator<number> {
  const next = random(seed, 1);
  let at = exponential(next, 20);
  for (;;) {
    yield at;
    at += 2 + exponential(next, 20);
  }
}

/** Frames in which each event shows. Events that no frame shows are left out; two without a frame between them look like one. */
export function visible(seed: number, frames: readonly { readonly id: number; readonly elapsed: number }[]): Event[] {
  const events: Event[] = [];
  const add = (event: Event) => {
    const before = events.at(-1);
    if (before && before.last + 1 === event.first) events[events.length - 1] = { first: before.first, last: event.last };
    else events.push(event);
  };
  const schedule = eventsOf(seed);
  let start = schedule.next().value as number;
  let current: Event | null = null;
  for (const { id, elapsed } of frames) {
    while (elapsed >= start + 2) {
      if (current) add(current);
      current = null;
      start = schedule.next().value as number;
    }
    if (elapsed < start) continue;
    const first: number = current?.first ?? id;
    current = { first, last: id };
  }
  if (current) add(current);
  return events;
}

/** Draws and looks, as fast as it goes. */
export async function runTruth(options: TruthOptions): Promise<{ frames: number; truth: Event[]; found: Event[]; open: number }> {
  const { seed, seconds, width, height } = options;
  const pattern = checkerboard(width, height, Math.min(barcodeHeight(width), height), seed);
  const session = await open(ColorPatchParams.parse({}));
  const start = 1_763_640_000_000_000 as Micros;
  const schedule = new Schedule({ fps: 30, vary: options.vary, drop: options.drop ?? 0, gap: options.gap, seed }, start);
  const pixels = new Uint8Array(width * height * 3);
  const drawn: { id: number; elapsed: number }[] = [];
  const markers = new Map<string, FoundMarker>();
  let info: FrameInfo | null = null;
  let due = start;
  for (let id = 0; ; ) {
    due = schedule.next(due);
    const elapsed = (due - start) / 1_000_000;
    if (elapsed >= seconds) break;
    if (schedule.silent(due)) continue;
    id++;
    pattern.draw(pixels, { id, timestamp: due, elapsed });
    drawBarcode(pixels, width, 3, { frame: id, timeMs: due / 1000, tag: 1 }, pattern.black, pattern.white);
    drawn.push({ id, elapsed });
    info = { id, timestamp: due, format: 'rgb24', width, height, significantBits: 8, received: due };
    const findings = await session.process({ info, pixels });
    for (const marker of findings?.markers ?? []) markers.set(marker.id, marker);
  }
  const stillOpen = [...markers.values()].filter((marker) => marker.open).length;
  for (const marker of (await session.finish?.(info))?.markers ?? []) markers.set(marker.id, marker);
  const found = [...markers.values()].map((marker) => ({ first: marker.frame, last: marker.endFrame! }));
  return { frames: drawn.length, truth: visible(seed, drawn), found, open: stillOpen };
}
