// Our whole encode path in a process of its own: the copy into the frame ring, the hop to the media worker, conversion and encoding there,
// the hop back and the fan-out to one reader.

import { silentLogger } from '../../src/core/log.ts';
import { type Micros, toMicros, toTicks } from '../../src/core/time.ts';
import { DEFAULT_VIEW } from '../../src/core/view.ts';
import { ENCODERS } from '../../src/encoders/index.ts';
import { startClock } from '../../src/native/system-clock.ts';
import { FrameHub } from '../../src/pipeline/frame-hub.ts';
import { MediaPool } from '../../src/pipeline/media-pool.ts';
import { encodeTimings, Rendition } from '../../src/pipeline/rendition.ts';
import { childArgument, serveParent } from '../child.ts';
import { type EncodeCase, type EncodeRun, FPS } from '../encode-settings.ts';
import { FRAMES } from '../frames.ts';

const { width, height, frames: kind, settings } = childArgument<EncodeCase>();
const { format, significantBits, make } = FRAMES[kind];
const frame = make(width, height);
/** Frames that may be on their way: the encoder never waits and its queue never overflows, which is one where only the newest counts. */
const inFlight = ENCODERS[settings.codec].interCoded ? 4 : 1;
const clock = startClock();
const pool = new MediaPool(silentLogger, 1);
const hub = new FrameHub(256 * 2 ** 20);
const rendition = new Rendition('bench', settings, {
  hub,
  pool,
  clock,
  log: silentLogger,
  lingerMs: 1000,
  demand: () => ({ [Symbol.dispose]: () => {} }),
  replay: false,
  view: DEFAULT_VIEW,
  timings: encodeTimings(),
  onIdle: () => {},
  onFailed: () => {},
});
const subscription = rendition.subscribe('bench', 64, 'keyframe');
// Media time lies an hour ahead: the encoder then never thinks that a frame is late and repeats the one before.
const start = toTicks((clock.now() + 3_600_000_000) as Micros);
let index = 0;

function push(): void {
  const ring = hub.ringFor(format, width, height);
  const slot = ring.claim();
  if (slot < 0) throw new Error('no free slot');
  const pixels = frame(index);
  ring.pixels(slot).set(pixels);
  const timestamp = toMicros((start + (index * 90_000) / FPS) as ReturnType<typeof toTicks>);
  ring.publish(slot, { id: index + 1, timestamp, format, width, height, significantBits, received: clock.now() });
  hub.count();
  index++;
}

const methods = {
  run: async (frames: number): Promise<EncodeRun> => {
    const before = process.cpuUsage();
    let bytes = 0;
    let done = 0;
    for (let sent = 0; done < frames; done++) {
      while (sent < frames && sent - done < inFlight) {
        push();
        sent++;
      }
      const packet = await subscription.queue.take();
      if (!packet) throw new Error('the encoder ended');
      bytes += packet.data.length;
    }
    const { user, system } = process.cpuUsage(before);
    const { dropped, failed, repeats } = rendition.stats();
    const lost = failed + repeats + Object.values(dropped).reduce((sum, count) => sum + count, 0);
    if (lost) throw new Error(`not every frame became one packet: ${JSON.stringify({ dropped, failed, repeats })}`);
    return { cpuMs: (user + system) / 1000, frames, bytes };
  },
};

export type EncodeMethods = typeof methods;

serveParent(methods, async () => {
  await rendition.close();
  await pool.close();
});
