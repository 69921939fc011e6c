// What the page of python-hls-stream expects: one HLS stream, and its markers at times of the "HLS clock". The page reckons that clock as
// target duration times media sequence of the first playlist, so it is right only if segments are exactly as long as the target. Ours lie
// on a grid of 2 s with the number floor(time / 2 s), and here they are made to begin and end exactly on it: the HLS clock is then the Unix
// time in seconds, for ever and for every page.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../core/errors.ts';
import { TICKS_PER_SECOND, type Ticks } from '../core/time.ts';
import { stretchSegment } from '../formats/fmp4.ts';
import { renderMediaPlaylist, renderMultivariantPlaylist } from '../formats/m3u8.ts';
import { segmentFile } from '../outputs/hls/archive.ts';
import type { Recorder } from '../outputs/hls/recorder.ts';
import { sendBytes } from '../outputs/hls/routes.ts';
import type { WindowSegment } from '../outputs/hls/window-segment.ts';
import { GRID_TICKS } from '../pipeline/grid.ts';
import type { Stream } from '../pipeline/stream.ts';
import { type CompatContext, chooseStream } from './compat.ts';

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** A first segment that begins so much behind its place on the grid is not whole. */
const LATE_TICKS = 0.25 * TICKS_PER_SECOND;
/** Segments in a playlist at most: ten minutes, so that it stays small though it is asked for every second. */
const MOST_SEGMENTS = 300;
/** How long a first playlist waits for a whole segment. */
const FIRST_MS = 15_000;
/** The time of a marker lies so much behind the beginning of its frame: rounding must not lead to the frame before. */
const INSIDE_US = 200;
const GRID_US = (GRID_TICKS * 100) / 9;
/** Markers in one answer. */
const MOST_MARKERS = 1000;

const Query = z.object({
  stream: z.string().optional(),
  /** First segment of the list: chosen when the page opens, so that its reckoning of the clock holds whenever it looks. */
  from: z.coerce.number().int().min(0).optional(),
  v: z.string().max(40).optional(),
});
const MarkerQuery = z.object({ stream: z.string().optional(), ts_start: z.coerce.number().default(-1) });

/**
 * The newest segments that follow each other without a gap, whole ones only. The page's reckoning knows neither gaps nor discontinuities, and
 * its player does not know EXT-X-GAP.
 */
export function steadyRun(segments: readonly WindowSegment[]): WindowSegment[] {
  const closed = segments.filter((segment) => !segment.open);
  let first = closed.length;
  while (first > 0) {
    const segment = closed[first - 1]!;
    const next = closed[first];
    const follows = !next || (segment.sequence + 1 === next.sequence && segment.era === next.era && segment.init === next.init);
    // A segment that does not begin where the grid does is the rest of a time without frames.
    if (!follows || segment.start - segment.sequence * GRID_TICKS > LATE_TICKS) break;
    first--;
  }
  return closed.slice(first).slice(-MOST_SEGMENTS);
}

/** The playlist of these segments. `query` is appended to every address. */
export function steadyPlaylist(run: readonly WindowSegment[], ended: boolean, query: string): string {
  const [first] = run;
  return renderMediaPlaylist({
    targetDuration: GRID_TICKS / TICKS_PER_SECOND,
    partTarget: 0,
    partHoldBack: 0,
    mediaSequence: first?.sequence ?? 0,
    discontinuitySequence: 0,
    segments: run.map((segment) => ({
      uri: `${segmentFile(segment.sequence, segment.init)}${query}`,
      duration: GRID_TICKS / TICKS_PER_SECOND,
      programDateTime: (segment.sequence * GRID_TICKS) / 90,
      discontinuity: false,
      gap: false,
      map: segment === first ? `init-${segment.init}.mp4${query}` : null,
      parts: [],
      open: false,
    })),
    preloadHint: null,
    skipped: 0,
    dateRanges: [],
    removedDateRanges: null,
    canSkipUntil: 0,
    ended,
    renditionReports: [],
  });
}

/** A time, µs, at which the frame of this capture time is shown, in the segments of this playlist. */
export function insideFrame(timestamp: number): number {
  // On the grid the next frame begins, whenever it was captured.
  return timestamp + Math.min(INSIDE_US, (GRID_US - (timestamp % GRID_US)) / 2);
}

export function openHlsStream(context: CompatContext): void {
  const { app, registry, timeline, tokenQuery, settings, hls, signal } = context;
  const hide = { schema: { hide: true } };

  const choose = (wanted: string | undefined) =>
    chooseStream(registry, wanted ?? settings.hlsStream.stream, (stream) => stream.config.dvr.mode !== 'off');

  const queryOf = (request: FastifyRequest, parts: Record<string, string | number | undefined>) => {
    const given = Object.entries(parts).flatMap(([key, value]) => (value === undefined ? [] : `${key}=${encodeURIComponent(value)}`));
    const token = tokenQuery(request);
    const all = token ? [...given, token] : given;
    return all.length ? `?${all.join('&')}` : '';
  };

  /** Counts the viewer and waits for a whole segment. */
  const watch = async (stream: Stream, viewer: string): Promise<{ recorder: Recorder; run: WindowSegment[] }> => {
    const recorder = await hls.watch(stream.name, viewer, FIRST_MS);
    const end = performance.now() + FIRST_MS;
    for (;;) {
      const run = steadyRun(recorder.segments());
      const left = end - performance.now();
      if (run.length) return { recorder, run };
      if (left <= 0) throw new SluiceError('no-frames', `${stream.name} has no whole segment yet: ${stream.reason ?? stream.state}`);
      await recorder.waitFor(recorder.newestSequence + 1, null, Math.min(left, 2000), signal);
    }
  };

  app.get<{ Params: { file: string } }>('/compat/hls-stream/video/:file', hide, async (request, reply) => {
    const { file } = request.params;
    const query = Query.parse(request.query);
    const stream = await choose(query.stream);
    reply.headers({ 'cache-control': 'no-store' });
    if (/\.m3u8$/.test(file)) {
      const viewer = query.v ?? request.id;
      const { recorder, run } = await watch(stream, viewer);
      if (query.from === undefined) {
        const { codec, width, height, bitrate } = recorder.track!;
        const uri = `${encodeURIComponent(file)}${queryOf(request, { stream: query.stream, from: run[0]!.sequence, v: viewer })}`;
        const bandwidth = Math.max(bitrate, 100_000);
        const variant = {
          uri,
          bandwidth: bandwidth * 1.5,
          averageBandwidth: bandwidth,
          codecs: codec,
          width,
          height,
          frameRate: stream.fps,
        };
        return reply.type(PLAYLIST_TYPE).send(renderMultivariantPlaylist([variant]));
      }
      const { from } = query;
      const listed = run.filter((segment) => segment.sequence >= from);
      return reply
        .type(PLAYLIST_TYPE)
        .send(steadyPlaylist(listed.length ? listed : run, recorder.ended, queryOf(request, { stream: query.stream })));
    }
    const recorder = hls.recorder(stream.name);
    const init = /^init-([0-9a-f]{8})\.mp4$/.exec(file);
    const segment = /^s(\d{1,15})-[0-9a-f]{8}\.m4s$/.exec(file);
    const sequence = Number(segment?.[1]);
    const whole = segment && (await recorder?.segment(sequence));
    // A frame falls on the grid only by chance: without this each page would be wrong by the rest, up to a frame.
    const body = init
      ? recorder?.init(init[1]!)?.data
      : whole && stretchSegment(whole, (sequence * GRID_TICKS) as Ticks, ((sequence + 1) * GRID_TICKS) as Ticks);
    if (!body) throw new SluiceError('not-found', `${file} is not in the window of ${stream.name}`, { received: file });
    context.meter('hls', stream.name).served(body.length);
    return sendBytes(request, reply, body, init ? 'video/mp4' : 'video/iso.segment', 'max-age=60');
  });

  app.get('/compat/hls-stream/markers', hide, async (request, reply) => {
    const query = MarkerQuery.parse(request.query);
    const stream = await choose(query.stream);
    const [first] = steadyRun(hls.recorder(stream.name)?.segments() ?? []);
    // What lies before the window could not be shown, and the page would keep it for ever.
    const start = first ? first.start / 90e-3 : 0;
    const page = await timeline(stream.name).markers({ start, limit: MOST_MARKERS, newestFirst: true });
    const markers = page.items
      .filter((marker) => marker.timestamp >= start)
      .sort((a, b) => a.timestamp - b.timestamp)
      .map((marker) => ({ time: insideFrame(marker.timestamp) / 1e6, text: marker.label }))
      .filter(({ time }) => time > query.ts_start);
    // JSON inside a JSON string: the page parses it twice.
    return reply
      .headers({ 'cache-control': 'no-store' })
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(JSON.stringify({ markers })));
  });
}
