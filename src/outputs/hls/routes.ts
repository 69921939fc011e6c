// HTTP side of HLS and DVR: playlists with blocking reload, init segments, segments and parts, and the timeline.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { SluiceError } from '../../core/errors.ts';
import { parseTimestamp, toTicks } from '../../core/time.ts';
import type { Stream } from '../../pipeline/stream.ts';
import { type ByteRange, byteRange } from '../byte-range.ts';
import type { ViewerMeter } from '../meter.ts';
import type { Output, OutputContext } from '../output.ts';
import { Archive } from './archive.ts';
import type { Clip } from './clip.ts';
import { clipRoutes, openClip } from './clip-routes.ts';
import { DateRanges } from './date-ranges.ts';
import { findFrame } from './find-frame.ts';
import { KeptSpans } from './kept-spans.ts';
import { multivariantPlaylist, type PlaylistOptions, PlaylistRenderer, spanPlaylist } from './playlist.ts';
import { Recorder } from './recorder.ts';
import { timelineOf } from './timeline.ts';

const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
/** A viewer counts for so long after its last playlist request: three target durations. */
const VIEWER_MS = 6000;
/** One that asks for each part (blocking reload) is missed sooner. */
const BLOCKING_VIEWER_MS = 3500;
/** A held playlist request is answered with the unchanged list after this time (DESIGN 6). */
const HOLD_MS = 6000;
/** The first request waits this long for a first part: an encoder and maybe a camera must start. */
const FIRST_MS = 12_000;
/** Reason of an abort; making one for each request costs more than the playlist. */
const GONE = new Error('the client is gone');
/** Segments may be cached for ever: a name never stands for other bytes. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

const PLAYLIST_HEADERS = {
  'content-type': PLAYLIST_TYPE,
  'cache-control': 'no-store',
  vary: 'accept-encoding',
  'content-encoding': 'gzip',
};
const PART_HEADERS = { 'content-type': 'video/iso.segment', 'cache-control': 'max-age=60', 'accept-ranges': 'bytes' };
/** The query of hls.js when it asks for the next part. */
const PLAIN_QUERY = /^v=([\w-]{1,40})&_HLS_msn=(\d{1,15})&_HLS_part=(\d{1,4})(?:&_HLS_skip=(YES|v2))?$/;

const Query = z.object({
  _HLS_msn: z.coerce.number().int().min(0).optional(),
  _HLS_part: z.coerce.number().int().min(0).optional(),
  _HLS_skip: z.string().optional(),
  ll: z.string().optional(),
  v: z.string().max(40).optional(),
  start: z.string().optional(),
  end: z.string().optional(),
});

/** A span that is asked for instead of the live end, in ticks of media time. Throws `bad-timestamp`, `bad-value`. */
function spanOf({ start, end }: z.output<typeof Query>): { start: number; end: number } | null {
  if (start === undefined && end === undefined) return null;
  if (start === undefined || end === undefined) {
    throw new SluiceError('bad-value', `${start === undefined ? 'start' : 'end'} is missing; a span needs both`, { field: 'start' });
  }
  return { start: toTicks(parseTimestamp(start, 'start')), end: toTicks(parseTimestamp(end, 'end')) };
}

/** The tracks of a stream begin together, or the other one is not there, ms. */
const BESIDE_MS = 1500;

type StreamRequest = FastifyRequest<{ Params: { stream: string } }>;

/** Recording goes on for so long after the last viewer has left. */
const LINGER_MS = 2000;

interface Viewer {
  lastSeen: number;
  held: number;
  /** It asks for each part. */
  blocking: boolean;
  readonly watch: Disposable;
  readonly meter: ViewerMeter;
}

type TrackName = 'video' | 'audio';

/** Recorders, playlists and viewers of one stream. */
class HlsStream {
  readonly stream: Stream;
  /** Of the pictures. */
  readonly recorder: Recorder;
  readonly sound: Recorder;
  readonly playlists: Record<TrackName, PlaylistRenderer>;
  readonly #context: OutputContext;
  readonly #ranges: DateRanges;
  readonly #viewers = new Map<string, Viewer>();
  readonly #off: (() => void)[] = [];
  #sweep: NodeJS.Timeout | undefined;
  #hold: NodeJS.Timeout | undefined;

  constructor(stream: Stream, recorder: Recorder, sound: Recorder, context: OutputContext) {
    this.stream = stream;
    this.recorder = recorder;
    this.sound = sound;
    recorder.companion = sound;
    this.#context = context;
    this.#ranges = new DateRanges(context.timeline(stream.name), recorder);
    const kept = new KeptSpans(stream, context.timeline(stream.name), (error) =>
      context.log.error({ stream: stream.name, error: String(error) }, 'markers whose spans are to be kept could not be read'),
    );
    recorder.protects = (start, end) => kept.protects(start, end);
    sound.protects = recorder.protects;
    this.#off.push(() => kept[Symbol.dispose]());
    this.playlists = {
      video: new PlaylistRenderer(recorder, this.#ranges, { name: 'audio', recorder: sound, leads: false }),
      audio: new PlaylistRenderer(sound, null, { name: 'video', recorder, leads: true }),
    };
    const { events } = stream;
    this.#off.push(
      events.on('viewers', () => this.update()),
      events.on('config', () => this.update()),
      events.on('sound', () => this.update()),
      events.on('state', ({ state }) => {
        if (state === 'stopped') void Promise.all([recorder.end(), sound.end()]);
        this.update();
      }),
      events.on('frame', () => {
        if (!recorder.recording) this.update();
      }),
    );
    this.update();
  }

  /** Records while somebody watches or pushes, or always. */
  update(): void {
    const { stream } = this;
    const { mode } = stream.config.dvr;
    const pushing = stream.pushed && stream.state === 'live';
    const watched = this.#viewers.size > 0 || (mode !== 'off' && stream.viewers > 0);
    const wanted = !stream.stopped && (mode === 'always' || watched || (mode === 'watched' && pushing));
    if (wanted || stream.stopped) {
      clearTimeout(this.#hold);
      this.#hold = undefined;
      this.#record(wanted);
    } else if (this.recorder.recording) {
      // The rendition lingers by itself. A player that changes its transport, or pauses, leaves no hole behind it.
      this.#hold ??= setTimeout(() => {
        this.#hold = undefined;
        this.#record(false);
      }, LINGER_MS).unref();
    }
  }

  #record(wanted: boolean): void {
    if (wanted !== this.recorder.recording) this.recorder.record(wanted);
    // Where no sound has come yet none is waited for.
    const sounds = wanted && this.stream.sound.hub.format !== null;
    if (sounds !== this.sound.recording) this.sound.record(sounds);
  }

  track(name: TrackName): Recorder {
    return name === 'audio' ? this.sound : this.recorder;
  }

  /** Settles when there is something of each track to play: what comes alone is not waited for beyond a while. */
  async waitForFirst(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const sound = () => this.stream.sound.hub.format !== null || this.sound.track !== null;
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const pictures = this.recorder.waitForFirst(timeoutMs, either);
    const alone = this.sound.waitForFirst(timeoutMs, either).then(() => this.recorder.waitForFirst(BESIDE_MS, either));
    await (this.recorder.track ? pictures : Promise.race([pictures, alone]));
    // Pictures were captured: they are on their way, however busy the machine is.
    if (!this.recorder.track && this.stream.captured.published > 0) await pictures;
    if (sound()) await this.sound.waitForFirst(BESIDE_MS, either);
    abort.abort(GONE);
  }

  touch(id: string): Viewer {
    let viewer = this.#viewers.get(id);
    if (!viewer) {
      viewer = {
        lastSeen: 0,
        held: 0,
        blocking: false,
        watch: this.stream.watch(),
        meter: this.#context.meter('hls', this.stream.name).viewer(),
      };
      this.#viewers.set(id, viewer);
      this.update();
    }
    viewer.lastSeen = performance.now();
    this.#sweep ??= setInterval(() => this.#removeOld(), 1000).unref();
    return viewer;
  }

  #removeOld(): void {
    const now = performance.now();
    for (const [id, viewer] of this.#viewers) {
      if (viewer.held > 0 || now - viewer.lastSeen <= (viewer.blocking ? BLOCKING_VIEWER_MS : VIEWER_MS)) continue;
      this.#viewers.delete(id);
      viewer.meter[Symbol.dispose]();
      viewer.watch[Symbol.dispose]();
    }
    this.update();
    if (this.#viewers.size) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  async close(remove: boolean): Promise<void> {
    clearInterval(this.#sweep);
    clearTimeout(this.#hold);
    for (const off of this.#off) off();
    this.#ranges[Symbol.dispose]();
    for (const viewer of this.#viewers.values()) viewer.meter[Symbol.dispose]();
    this.#viewers.clear();
    // The pictures' folder holds that of the sound.
    await (remove ? this.sound.remove() : this.sound.close());
    await (remove ? this.recorder.remove() : this.recorder.close());
  }
}

export interface HlsOutput extends Output {
  recorder(stream: string): Recorder | undefined;
  /** Counts a viewer for three target durations and waits until there is something to play. Throws `unknown-stream` or `no-frames`. */
  watch(stream: string, viewer: string, timeoutMs: number): Promise<Recorder>;
  /** Opens a clip from a query `start|startFrame`, `end|endFrame`. */
  clip(stream: string, query: unknown): Promise<Clip>;
  /** Settles when the recordings of earlier runs are known. */
  opened(stream: string): Promise<void>;
}

export async function openHls(context: OutputContext): Promise<HlsOutput> {
  const { app, registry, store, mediaDir, log, signal } = context;
  const streams = new Map<string, HlsStream>();
  const opening = new Map<string, Promise<HlsStream>>();

  const open = (stream: Stream) => {
    const onError = (error: unknown) => log.error({ stream: stream.name, error: String(error) }, 'the DVR could not be written');
    const archive = (kind: TrackName) =>
      stream.config.dvr.mode === 'off' ? null : new Archive(join(mediaDir, stream.name), stream.name, store, onError, kind);
    const promise = Promise.all([
      Recorder.open(stream, archive('video'), context.timeline(stream.name)),
      Recorder.open(stream, archive('audio'), null, 'audio'),
    ]).then(([recorder, sound]) => {
      const hls = new HlsStream(stream, recorder, sound, context);
      streams.set(stream.name, hls);
      opening.delete(stream.name);
      return hls;
    });
    opening.set(stream.name, promise);
    void promise.catch((error) => {
      opening.delete(stream.name);
      onError(error);
    });
  };
  const follow = (stream: Stream) => {
    open(stream);
    let keeps = stream.config.dvr.mode !== 'off';
    stream.events.on('config', ({ config }) => {
      if (keeps === (config.dvr.mode !== 'off')) return;
      keeps = !keeps;
      // Another kind of recorder: what was kept goes with the wish to keep it.
      const hls = streams.get(stream.name);
      streams.delete(stream.name);
      if (hls) context.removing(hls.close(!keeps).then(() => open(stream)));
      else open(stream);
    });
  };
  for (const stream of registry.all()) follow(stream);
  registry.events.on('added', ({ stream }) => follow(stream));
  registry.events.on('removed', ({ stream }) => {
    const hls = streams.get(stream.name);
    streams.delete(stream.name);
    if (hls) context.removing(hls.close(true));
  });

  const find = async (name: string): Promise<HlsStream> => {
    const stream = registry.get(name);
    const hls = streams.get(name) ?? (await opening.get(name));
    if (!hls) throw new SluiceError('unavailable', `the recordings of ${stream.name} could not be opened`);
    return hls;
  };

  /** Aborted when the client goes before it has its answer, or the server closes. */
  const gone = (reply: FastifyReply) => {
    const abort = new AbortController();
    const end = () => abort.abort(GONE);
    const close = () => {
      signal.removeEventListener('abort', end);
      if (!reply.raw.writableFinished) end();
    };
    reply.raw.once('close', close);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    return abort.signal;
  };

  const hold = async <T>(viewer: Viewer, work: Promise<T>): Promise<T> => {
    viewer.held++;
    try {
      return await work;
    } finally {
      viewer.held--;
      viewer.lastSeen = performance.now();
    }
  };

  app.get<{ Params: { stream: string } }>('/live/:stream/hls/index.m3u8', async (request, reply) => {
    const hls = await find(request.params.stream);
    const query = Query.parse(request.query);
    const span = spanOf(query);
    if (span) {
      const { start, end } = query;
      const parts = [`start=${encodeURIComponent(start!)}&end=${encodeURIComponent(end!)}`, context.tokenQuery(request)].filter(Boolean);
      const text = multivariantPlaylist({ video: hls.recorder, audio: hls.sound }, `?${parts.join('&')}`, hls.stream.fps, span);
      if (!text) throw nothingKept(hls.stream, query);
      return reply.headers({ 'cache-control': 'no-store' }).type(PLAYLIST_TYPE).send(text);
    }
    // Every player gets an id in the address of its media playlist, so that viewers can be told apart.
    const id = query.v ?? randomBytes(6).toString('base64url');
    const viewer = hls.touch(id);
    await hold(viewer, hls.waitForFirst(FIRST_MS, gone(reply)));
    const parts = [`v=${id}`, context.tokenQuery(request), query.ll === '0' ? 'll=0' : ''].filter(Boolean);
    const text = multivariantPlaylist({ video: hls.recorder, audio: hls.sound }, `?${parts.join('&')}`, hls.stream.fps);
    if (!text) throw noFrames(hls.stream);
    return reply.headers({ 'cache-control': 'no-store' }).type(PLAYLIST_TYPE).send(text);
  });

  const mediaPlaylist = (track: TrackName) => async (request: StreamRequest, reply: FastifyReply) => {
    const hls = await find(request.params.stream);
    const recorder = hls.track(track);
    const query = Query.parse(request.query);
    const token = context.tokenQuery(request);
    const span = spanOf(query);
    if (span) {
      const text = spanPlaylist(recorder, span.start, span.end, token ? `?${token}` : '', track === 'audio' ? hls.recorder : null);
      if (!text) throw nothingKept(hls.stream, query);
      return reply.headers({ 'cache-control': 'no-store' }).type(PLAYLIST_TYPE).send(text);
    }
    const viewer = hls.touch(query.v ?? `${request.ip} ${request.headers['user-agent'] ?? ''}`);
    const abort = gone(reply);
    await hold(viewer, recorder.waitForFirst(FIRST_MS, abort));
    if (!recorder.track) throw noFrames(hls.stream);
    const wanted = query._HLS_msn;
    if (wanted === undefined && query._HLS_part !== undefined) {
      throw new SluiceError('bad-value', '_HLS_part needs _HLS_msn beside it (rfc8216bis 6.2.5.2)', {
        field: '_HLS_part',
        received: query._HLS_part,
      });
    }
    viewer.blocking = wanted !== undefined;
    if (wanted !== undefined) {
      // A client that asks far ahead is wrong about the stream (6.2.5.2). After a gap the next segment may be far ahead too, so the
      // present time counts as well.
      const last = recorder.segments().at(-1)?.sequence ?? 0;
      const latest = Math.max(last, Math.floor(hls.stream.clock.now() / 2e6));
      if (wanted > latest + 3) {
        throw new SluiceError('bad-value', `_HLS_msn: ${wanted} received; the newest segment is ${last}`, {
          field: '_HLS_msn',
          received: wanted,
        });
      }
      await hold(viewer, recorder.waitFor(wanted, query._HLS_part ?? null, HOLD_MS, abort));
    }
    const options = {
      lowLatency: query.ll !== '0',
      delta: deltaOf(query._HLS_skip),
      query: token ? `?${token}` : '',
    };
    reply.headers({ 'cache-control': 'no-store', vary: 'accept-encoding' }).type(PLAYLIST_TYPE);
    if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
      const body = await hls.playlists[track].gzipped(options);
      context.meter('hls', hls.stream.name).served(body.length);
      return reply.header('content-encoding', 'gzip').send(body);
    }
    const body = hls.playlists[track].text(options);
    context.meter('hls', hls.stream.name).served(body.length);
    return reply.send(body);
  };
  app.get('/live/:stream/hls/video/media.m3u8', mediaPlaylist('video'));
  app.get('/live/:stream/hls/audio/media.m3u8', mediaPlaylist('audio'));

  // What a player asks for all the time: the next playlist, the part in it.
  context.direct((url, request) => {
    const match = /^\/live\/([\w.-]+)\/hls\/(video|audio)\/(?:media\.m3u8|p(\d{1,15})\.(\d{1,4})\.m4s)(?:\?([\w=&-]*))?$/.exec(url);
    const hls = match && streams.get(match[1]!);
    if (!hls) return null;
    const track = match[2] as TrackName;
    const recorder = hls.track(track);
    if (match[3] !== undefined) {
      return () => {
        const body = recorder.part(Number(match[3]), Number(match[4]));
        if (body) context.meter('hls', hls.stream.name).served(body.length);
        return body && { headers: PART_HEADERS, body };
      };
    }
    const query = PLAIN_QUERY.exec(match[5] ?? '');
    if (!query || !recorder.track || !/\bgzip\b/.test(String(request.headers['accept-encoding']))) return null;
    const [sequence, part] = [Number(query[2]), Number(query[3])];
    if (sequence > recorder.newestSequence + 1) return null;
    return async (response) => {
      const viewer = hls.touch(query[1]!);
      viewer.blocking = true;
      if (!recorder.has(sequence, part)) {
        const abort = new AbortController();
        response.once('close', () => abort.abort(GONE));
        if (!(await hold(viewer, recorder.waitFor(sequence, part, HOLD_MS, abort.signal))) && abort.signal.aborted) return null;
      }
      const body = await hls.playlists[track].gzipped({ lowLatency: true, delta: deltaOf(query[4]), query: '' });
      context.meter('hls', hls.stream.name).served(body.length);
      return { headers: PLAYLIST_HEADERS, body };
    };
  });

  const mediaFile =
    (track: TrackName) => async (request: FastifyRequest<{ Params: { stream: string; file: string } }>, reply: FastifyReply) => {
      const { stream, file } = request.params;
      const hls = await find(stream);
      const recorder = hls.track(track);
      const init = /^init-([0-9a-f]{8})\.mp4$/.exec(file);
      const segment = /^s(\d{1,15})-[0-9a-f]{8}\.m4s$/.exec(file);
      const part = /^p(\d{1,15})\.(\d{1,4})\.m4s$/.exec(file);
      let body: Uint8Array | null = null;
      if (init) body = recorder.init(init[1]!)?.data ?? null;
      else if (segment) body = await recorder.segment(Number(segment[1]));
      else if (part) {
        const [sequence, index] = [Number(part[1]), Number(part[2])];
        body = recorder.part(sequence, index);
        // A preload hint is held open until its part exists (4.4.5.3); anything else is not here.
        const open = recorder.segments().at(-1);
        const hinted =
          open && (open.open ? open.sequence === sequence && open.parts.length === index : open.sequence + 1 === sequence && index === 0);
        if (!body && hinted && !recorder.ended) {
          await recorder.waitForPart(sequence, index, HOLD_MS, gone(reply));
          body = recorder.part(sequence, index);
        }
      }
      if (!body) throw new SluiceError('not-found', `${file} is not in the window of ${stream}`, { received: file });
      context.meter('hls', stream).served(body.length);
      return sendBytes(request, reply, body, init ? `${track}/mp4` : 'video/iso.segment', part ? 'max-age=60' : IMMUTABLE);
    };
  app.get('/live/:stream/hls/video/:file', mediaFile('video'));
  app.get('/live/:stream/hls/audio/:file', mediaFile('audio'));

  app.get<{ Params: { stream: string } }>('/live/:stream/timeline.json', async (request, reply) => {
    const hls = await find(request.params.stream);
    const timeline = timelineOf(hls.recorder, request.query);
    return reply.headers({ 'cache-control': 'no-store' }).send(timeline);
  });

  const clip = async (name: string, query: unknown) => await openClip((await find(name)).recorder, query, signal);
  clipRoutes(context, clip);

  return {
    clip,
    recorder: (name) => streams.get(name)?.recorder,
    watch: async (name, id, timeoutMs) => {
      const found = await find(name);
      const viewer = found.touch(id);
      await hold(viewer, found.recorder.waitForFirst(timeoutMs, signal));
      if (!found.recorder.track) throw noFrames(found.stream);
      return found.recorder;
    },
    opened: async (name) => void (await opening.get(name)?.catch(() => {})),
    findFrame: async (stream, want) => {
      const recorder = streams.get(stream.name)?.recorder;
      return recorder ? await findFrame(recorder, want) : null;
    },
    close: async () => {
      await Promise.allSettled(opening.values());
      await Promise.all([...streams.values()].map((hls) => hls.close(false)));
    },
  };
}

/** What a client's `_HLS_skip` allows to leave out (rfc8216bis 6.2.5.1); other values are ignored. */
function deltaOf(skip: string | undefined): PlaylistOptions['delta'] {
  return skip === 'v2' ? 'all' : skip === 'YES' ? 'segments' : 'none';
}

function nothingKept(stream: Stream, { start, end }: z.output<typeof Query>): SluiceError {
  return new SluiceError('not-found', `nothing of ${stream.name} is kept between ${start} and ${end}; see timeline.json?frames=0`);
}

function noFrames(stream: Stream): SluiceError {
  return new SluiceError('no-frames', `${stream.name} has no picture yet: ${stream.reason ?? stream.state}`, { state: stream.state });
}

/** Sends bytes, or the range that was asked for (RFC 9110 section 14). */
export function sendBytes(request: FastifyRequest, reply: FastifyReply, body: Uint8Array, type: string, cache: string): FastifyReply {
  reply.headers({ 'cache-control': cache, 'accept-ranges': 'bytes' }).type(type);
  let range: ByteRange | null;
  try {
    range = byteRange(request.headers.range, body.length);
  } catch (error) {
    reply.header('content-range', `bytes */${body.length}`);
    throw error;
  }
  if (!range) return reply.send(body);
  const { start, end } = range;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end}/${body.length}`)
    .send(body.subarray(start, end + 1));
}
