// Single pictures: the newest one at full depth, or an older one by frame id or capture time.
import { z } from 'zod';
import { SluiceError } from '../core/errors.ts';
import type { FrameInfo } from '../core/frame.ts';
import { fileTime, parseTimestamp, toTicks } from '../core/time.ts';
import { encodeSnapshot } from '../native/picture.ts';
import type { Stream } from '../pipeline/stream.ts';
import type { Output, OutputContext, TakenFrame, WantedFrame } from './output.ts';

/** How long a sleeping source may take to wake up for a snapshot. */
const WAKE_MS = 8000;

const Query = z.object({
  frame: z.coerce.number().int().min(1).optional(),
  timestamp: z.string().optional(),
  quality: z.coerce.number().int().min(5).max(100).default(90),
  new: z
    .enum(['0', '1'])
    .transform((value) => value === '1')
    .default(false)
    .describe('1: the next frame that is captured'),
});

export function openSnapshot(context: OutputContext): Output {
  const { app, registry } = context;
  app.get<{ Params: { stream: string; type: string } }>(
    '/live/:stream/snapshot.:type(jpg|jpeg|png|npy|tiff|tif)',
    async (request, reply) => {
      const stream = registry.get(request.params.stream);
      const query = Query.parse(request.query);
      const timestamp = query.timestamp === undefined ? undefined : parseTimestamp(query.timestamp, 'timestamp');
      const old = query.frame !== undefined || timestamp !== undefined;
      if (old && query.new) {
        throw new SluiceError('bad-value', 'new: 1 received together with frame or timestamp; expected one of them', { field: 'new' });
      }
      const next = async () => await captured(stream, context.liveViews.longExposure(stream.name).exposure ?? 0);
      const taken = old ? await older(context, stream, { frame: query.frame, timestamp }) : await (query.new ? next() : newest(stream));
      const { info, picture, lossy } = taken;
      const aliases: Record<string, 'jpg' | 'png' | 'npy' | 'tiff'> = { jpeg: 'jpg', tif: 'tiff' };
      const type = aliases[request.params.type] ?? (request.params.type as 'jpg' | 'png' | 'npy' | 'tiff');
      const identity = { id: info.id, timestamp: info.timestamp, pts: toTicks(info.timestamp), repeat: false };
      const { body, contentType } = await encodeSnapshot(picture, identity, type, {
        quality: query.quality,
        view: stream.config.view,
        pixelSize: stream.config.pixelSize,
      });
      const name = `${stream.name}_${fileTime(info.timestamp)}_f${info.id}.${type}`;
      return reply
        .headers({
          'cache-control': 'no-store',
          'content-disposition': `inline; filename="${name}"`,
          'x-sluice-frame': String(info.id),
          'x-sluice-timestamp': String(info.timestamp),
          ...(lossy ? { 'x-sluice-lossy': '1' } : {}),
        })
        .type(contentType)
        .send(body);
    },
  );
  return {};
}

async function newest(stream: Stream): Promise<TakenFrame> {
  // A source that sleeps holds an old picture: wake it and take the next one.
  if (!stream.pushed && stream.state !== 'live' && !stream.stopped) return await nextFrame(stream, WAKE_MS, () => true);
  return take(stream);
}

/**
 * The next frame that is captured from now on. The second that comes counts as one whatever its capture time says: clocks of cameras differ.
 *
 * @param exposure ms
 */
async function captured(stream: Stream, exposure: number): Promise<TakenFrame> {
  const asked = stream.clock.now();
  let frames = 0;
  return await nextFrame(stream, WAKE_MS + 2 * exposure, ({ timestamp }) => ++frames > 1 || timestamp >= asked);
}

/** The first frame that fits; its source is awake meanwhile. Throws `no-frames` after so many ms. */
async function nextFrame(stream: Stream, timeoutMs: number, fits: (info: FrameInfo) => boolean): Promise<TakenFrame> {
  using _awake = stream.demand();
  const taken = await new Promise<TakenFrame | null>((resolve, reject) => {
    const timer = setTimeout(() => finish(() => resolve(null)), timeoutMs);
    const off = stream.events.on('frame', ({ info }) => {
      if (!fits(info)) return;
      // At once: a moment later the ring holds another one.
      finish(() => {
        try {
          resolve(take(stream));
        } catch (error) {
          reject(error);
        }
      });
    });
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      off();
      settle();
    };
  });
  if (taken) return taken;
  throw new SluiceError('no-frames', `${stream.name} gave no picture within ${timeoutMs / 1000} s: ${stream.reason ?? stream.state}`);
}

function take(stream: Stream): TakenFrame {
  const taken = stream.hub.newest();
  if (!taken)
    throw new SluiceError('no-frames', `${stream.name} has no picture yet: ${stream.reason ?? stream.state}`, { state: stream.state });
  return { info: taken.info, picture: { ...taken.info, data: taken.data }, lossy: false };
}

async function older(context: OutputContext, stream: Stream, want: WantedFrame): Promise<TakenFrame> {
  const now = stream.hub.newest();
  if (now && (now.info.id === want.frame || now.info.timestamp === want.timestamp))
    return { info: now.info, picture: { ...now.info, data: now.data }, lossy: false };
  const found = await context.findFrame(stream, want);
  if (found) return found;
  const what = want.frame === undefined ? `time ${want.timestamp}` : `frame ${want.frame}`;
  throw new SluiceError('unknown-frame', `${what} of ${stream.name} is not kept; see /live/${stream.name}/timeline.json`, {
    received: want.frame ?? want.timestamp,
  });
}
