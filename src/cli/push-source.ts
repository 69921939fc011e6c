// The worker behind `sluice push -i`: runs the ffmpeg source and hands its frames to the main thread, which sends them. Reading an input
// blocks its thread, so it must not be the one that talks to the server.
import { parentPort, workerData } from 'node:worker_threads';
import { toSluiceError } from '../core/errors.ts';
import { frameBytes } from '../core/frame.ts';
import type { Logger } from '../core/log.ts';
import type { Micros } from '../core/time.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../formats/frame-header.ts';
import { openClock } from '../native/system-clock.ts';
import { type FfmpegParams, run } from '../sources/ffmpeg.ts';
import type { Draft, SourceContext } from '../sources/source.ts';

/** What the worker is started with. */
export interface PushSourceData {
  readonly params: FfmpegParams;
  readonly clock: BigInt64Array<SharedArrayBuffer>;
  /** Frames that may be on their way at one time. */
  readonly frames: number;
}

/** From the worker. A `frame` is a whole SLF1 message; its memory comes back with `done`. */
export type PushSourceEvent =
  | { readonly type: 'frame'; readonly message: Uint8Array<ArrayBuffer> }
  /** All frames were on their way: this one was left out. */
  | { readonly type: 'busy' }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'end'; readonly error: { readonly code: string; readonly message: string } | null };

/** To the worker. */
export type PushSourceCommand = { readonly type: 'done'; readonly message: Uint8Array<ArrayBuffer> } | { readonly type: 'stop' };

const port = parentPort!;
const { params, clock: state, frames } = workerData as PushSourceData;
const clock = openClock(state);
const abort = new AbortController();
const spare: Uint8Array<ArrayBuffer>[] = [];
let onWay = 0;
let last = 0;

const send = (event: PushSourceEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);

port.on('message', (command: PushSourceCommand) => {
  if (command.type === 'stop') return abort.abort();
  onWay--;
  spare.push(command.message);
});

const log: Logger = {
  debug() {},
  info() {},
  warn: (_, text) => send({ type: 'note', text }),
  error: (_, text) => send({ type: 'note', text }),
  child: () => log,
};

const context: SourceContext<FfmpegParams> = {
  params,
  clock,
  log,
  last: 0 as Micros,
  signal: abort.signal,
  async begin(format, width, height): Promise<Draft | null> {
    if (onWay >= frames) {
      send({ type: 'busy' });
      return null;
    }
    const bytes = frameBytes(format, width, height);
    const known = spare.pop();
    const message = known?.length === FRAME_HEADER_BYTES + bytes ? known : new Uint8Array(FRAME_HEADER_BYTES + bytes);
    onWay++;
    let open = true;
    const discard = () => {
      if (!open) return;
      open = false;
      onWay--;
      spare.push(message);
    };
    return {
      id: 0,
      pixels: message.subarray(FRAME_HEADER_BYTES),
      publish(timestamp, options) {
        if (!open) return false;
        if (timestamp <= last) {
          discard();
          return false;
        }
        open = false;
        last = timestamp;
        message.set(
          writeFrameHeader({ format, width, height, payloadBytes: bytes, timestamp, significantBits: options?.significantBits ?? 0 }),
        );
        send({ type: 'frame', message }, [message.buffer]);
        return true;
      },
      discard,
    };
  },
  sound: () => {},
  details: () => {},
  changed: () => {},
  report: (_, text) => send({ type: 'note', text }),
  until: (time) => sleepUntil(time),
};

function sleepUntil(time: Micros): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(timer);
      abort.signal.removeEventListener('abort', done);
      resolve();
    };
    const step = () => {
      const left = time - clock.now();
      if (left <= 500 || abort.signal.aborted) return done();
      timer = setTimeout(step, Math.max(1, Math.min(1000, Math.round(left / 1000))));
    };
    abort.signal.addEventListener('abort', done, { once: true });
    step();
  });
}

let error: { code: string; message: string } | null = null;
try {
  await run(context);
} catch (thrown) {
  const known = toSluiceError(thrown, 'source-failed');
  if (!abort.signal.aborted) error = { code: known.code, message: known.message };
}
send({ type: 'end', error });
port.close();
