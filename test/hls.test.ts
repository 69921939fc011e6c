// LL-HLS from pushed frames to the bytes that a player gets, through a real server.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StreamStats, Timeline } from '../src/api/schema.ts';
import { type Micros, toTicks } from '../src/core/time.ts';
import { type IdentifiedSample, readIdentities } from '../src/formats/fmp4-read.ts';
import { HlsClient, nextPart } from './hls-client.ts';
import { ownTime } from './own-time.ts';
import { type ParsedPlaylist, parsePlaylist } from './playlists.ts';
import { type Acked, pushIrregular, TestPublisher } from './publisher.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const run = promisify(execFile);
const ffmpeg = hasTool('ffmpeg') && hasTool('ffprobe');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const mostInFlight = ({ renditions }: StreamStats) => Math.max(0, ...renditions.map(({ inFlight }) => inFlight));

describe('300 frames with irregular capture times', () => {
  let server: TestServer;
  let client: HlsClient;
  let folder: string;
  let acked: readonly Acked[];
  /** Every playlist that a player saw, with what it had asked for. */
  const seen: { asked: { msn: number; part: number }; text: string; ms: number }[] = [];
  let ended: ParsedPlaylist;
  const media = new Map<string, Uint8Array>();
  let samples: IdentifiedSample[];

  beforeAll(async () => {
    const warm = { source: { type: 'pattern', width: 320, height: 180 }, linger: '100ms', dvr: { mode: 'off' } } as const;
    server = await testServer({ streams: { warm } });
    // Frames wait for an encoder that starts, but not as long as a busy machine takes to load the very first one.
    await new HlsClient(server.fetch, 'warm').playlist();
    const asleep = async () => (await server.json<{ state: string }>('api/streams/warm')).state === 'asleep';
    await vi.waitUntil(asleep, { timeout: 30_000, interval: 50 });
    folder = await mkdtemp(join(tmpdir(), 'sluice-hls-'));
    client = new HlsClient(server.fetch, 'x');
    const publisher = await TestPublisher.open(server.url, 'x');
    let pushing = true;
    const player = (async () => {
      let playlist = await client.playlist();
      while (pushing) {
        const asked = nextPart(playlist);
        const started = performance.now();
        const text = await client.text(`_HLS_msn=${asked.msn}&_HLS_part=${asked.part}`);
        seen.push({ asked, text, ms: performance.now() - started });
        playlist = parsePlaylist(text, { irregular: true });
      }
    })();
    const inFlight = async () => mostInFlight(await server.json<StreamStats>('api/streams/x/stats'));
    await Promise.all([pushIrregular(publisher, 300, () => server.clock.now(), 1, inFlight).finally(() => (pushing = false)), player]);
    acked = publisher.acked;
    const last = acked.at(-1)!;
    // The last frame's duration is known when it is repeated; then the stream is stopped by hand.
    const known = async () => ((await server.json<Timeline>('live/x/timeline.json')).end ?? 0) > last.timestamp + 250_000;
    await vi.waitUntil(known, { timeout: 10_000, interval: 50 });
    await publisher.close();
    expect((await server.fetch('api/streams/x/stop', { method: 'POST' })).status).toBeLessThan(300);
    ended = await client.playlist();
    for (const segment of ended.segments) {
      media.set(segment.map!.uri, media.get(segment.map!.uri) ?? (await client.bytes(segment.map!.uri)));
      media.set(segment.uri, await client.bytes(segment.uri));
    }
    samples = ended.segments.flatMap((segment) => readIdentities(media.get(segment.uri)!));
  }, 180_000);

  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('every frame is there once, in order, at its capture time to 1/90000 s, and says so itself', () => {
    expect(acked).toHaveLength(300);
    const own = samples.filter((sample) => !sample.identity.repeat);
    const lost = acked.filter((frame) => !own.some((sample) => sample.identity.id === frame.id));
    expect(lost).toEqual([]);
    expect(own.map((sample) => sample.identity.id)).toEqual(acked.map((frame) => frame.id));
    let late = 0;
    for (const [i, sample] of own.entries()) {
      expect(sample.identity.timestamp).toBe(acked[i]!.timestamp);
      expect(sample.identity.pts).toBe(sample.pts);
      const wanted = toTicks(acked[i]!.timestamp as Micros);
      const before = samples[samples.indexOf(sample) - 1];
      // A frame that arrives after its own repeat is shown one tick later. Frames are 122 ms apart at most: only where the machine stands
      // still for longer than a part does that happen.
      if (before && before.pts >= wanted) {
        late++;
        expect(sample.pts).toBe(before.pts + 1);
      } else expect(sample.pts).toBe(wanted);
    }
    expect(late).toBeLessThan(100);
    expect(new Set(acked.map((frame) => frame.id)).size).toBe(300);
  });

  it('has no hole: each sample lasts until the next, EXTINF is the media, parts are the segment', () => {
    for (const [i, sample] of samples.slice(1).entries()) expect(samples[i]!.pts + samples[i]!.duration).toBe(sample.pts);
    for (const segment of ended.segments) {
      const inside = readIdentities(media.get(segment.uri)!);
      const ticks = inside.reduce((sum, sample) => sum + sample.duration, 0);
      expect(Math.round(segment.duration * 90_000)).toBe(ticks);
      expect(Math.abs(segment.dateTimeObject!.getTime() - inside[0]!.pts / 90)).toBeLessThan(1);
      expect(Math.round(segment.duration)).toBeLessThanOrEqual(ended.targetDuration);
    }
    expect(ended.segments.slice(1).every((segment) => !segment.discontinuity)).toBe(true);
    expect(ended.gaps).not.toContain(true);
  });

  it('ends with ENDLIST', () => {
    expect(ended.endList).toBe(true);
  });

  it('every playlist on the way passed two parsers, held what was asked for, and only grew', () => {
    expect(seen.length).toBeGreaterThan(30);
    let before: ParsedPlaylist | null = null;
    for (const { asked, text, ms } of seen) {
      const playlist = parsePlaylist(text, { irregular: true });
      const next = nextPart(playlist);
      expect(next.msn > asked.msn || (next.msn === asked.msn && next.part > asked.part), `${JSON.stringify({ asked, next, ms })}`).toBe(
        true,
      );
      for (const segment of [...playlist.segments, playlist.preloadSegment]) {
        for (const part of segment?.parts ?? []) expect(part.duration).toBeLessThanOrEqual(playlist.partTargetDuration!);
      }
      if (before) {
        expect(playlist.mediaSequence).toBe(before.mediaSequence);
        const old = before.segments.map(({ uri, duration }) => ({ uri, duration }));
        expect(playlist.segments.slice(0, old.length).map(({ uri, duration }) => ({ uri, duration }))).toEqual(old);
      }
      before = playlist;
    }
    // Blocking means: no answer long after its part, none before it.
    expect(Math.max(...seen.map(({ ms }) => ms))).toBeLessThan(5000);
  });

  it.skipIf(!ffmpeg)('ffprobe and ffmpeg read the same times and complain about nothing', async () => {
    const path = join(folder, 'all.mp4');
    const inits = new Set(ended.segments.map((segment) => segment.map!.uri));
    expect(inits.size).toBe(1);
    await writeFile(path, Buffer.concat([...inits, ...ended.segments.map((segment) => segment.uri)].map((name) => media.get(name)!)));
    const entries = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'packet=pts', '-of', 'csv=p=0'];
    const file = await run('ffprobe', [...entries, path], { maxBuffer: 1e7 });
    const times = file.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => Number.parseInt(line, 10));
    expect(times).toEqual(samples.map((sample) => sample.pts));
    const played = await run(
      'ffmpeg',
      ['-v', 'error', '-i', new URL('live/x/hls/index.m3u8?ll=0', server.url).href, '-fps_mode', 'passthrough', '-f', 'framemd5', '-'],
      {
        maxBuffer: 1e7,
      },
    );
    expect(played.stderr).toBe('');
    expect(played.stdout.split('\n').filter((line) => /^0,/.test(line))).toHaveLength(samples.length);
  });

  it('timeline.json names the same frames', async () => {
    const timeline = await server.json<Timeline>('live/x/timeline.json');
    let [pts, id] = [0, 0];
    const rows = timeline.frames.pts.map((step, i) => {
      pts += step;
      id += timeline.frames.id[i]!;
      return { pts, id };
    });
    expect(rows).toEqual(samples.map((sample) => ({ pts: sample.pts, id: sample.identity.id })));
  });

  it('the ledger accounts for every frame', async () => {
    const stats = await server.json<StreamStats>('api/streams/x/stats');
    expect(stats.ledger).toMatchObject({ captured: 300, published: 300, refused: {}, dropped: {} });
    const main = stats.renditions.find((rendition) => rendition.codec.startsWith('avc1'))!;
    expect(main.encoded).toBe(300);
    expect(main.repeats).toBeGreaterThanOrEqual(samples.filter((sample) => sample.identity.repeat).length);
    expect(main.offered).toBe(300);
  });

  it('answers with types and cache headers that players and proxies need; ranges work', async () => {
    const [first] = ended.segments;
    const segment = await client.file(first!.uri);
    expect(segment.headers.get('content-type')).toBe('video/iso.segment');
    expect(segment.headers.get('cache-control')).toContain('immutable');
    expect((await client.file(first!.map!.uri)).headers.get('content-type')).toBe('video/mp4');
    const range = await client.file(first!.uri, { headers: { range: 'bytes=100-199' } });
    expect(range.status).toBe(206);
    expect(Buffer.from(await range.arrayBuffer())).toEqual(Buffer.from(media.get(first!.uri)!.subarray(100, 200)));
    const beyond = await client.file(first!.uri, { headers: { range: 'bytes=99999999-' } });
    expect(beyond.status).toBe(416);
  });

  it.each([
    's1-00000000.m4s',
    'p1.0.m4s',
    'init-00000000.mp4',
    's1-zzzzzzzz.m4s',
    'nothing.m4s',
    'media.m3u8.bak',
    '..%2f..%2fsluice.db',
    '%2e%2e%2f%2e%2e%2fsluice.db',
    '..%5c..%5csluice.db',
    's881820000-0123abcd.m4s%00',
    's999999999999999-0123abcd.m4s',
  ])('%s is 404 as problem+json', async (name) => {
    const response = await client.file(name);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await response.json()).toMatchObject({ status: 404, code: 'not-found' });
  });

  it('an unknown stream, and requests that make no sense, are told so', async () => {
    expect(await server.json('live/nobody/hls/index.m3u8')).toMatchObject({ status: 404, code: 'unknown-stream' });
    for (const [query, field] of [
      ['_HLS_msn=99999999999', '_HLS_msn'],
      ['_HLS_part=3', '_HLS_part'],
      ['_HLS_msn=-1', '_HLS_msn'],
      ['_HLS_msn=x', '_HLS_msn'],
    ] as const) {
      const response = await server.fetch(`live/x/hls/video/media.m3u8?${query}`);
      expect(response.status).toBe(400);
      expect(JSON.stringify(await response.json())).toContain(field);
    }
  });
});

it('holds the hinted part until it exists, and gives delta updates', async () => {
  await using server = await testServer({ streams: { cam: { source: { type: 'pattern', width: 320, height: 180, fps: 30 } } } });
  const client = new HlsClient(server.fetch, 'cam');
  let playlist = await client.playlist();
  // The first answer has something to play.
  expect(playlist.segments.length + (playlist.preloadSegment?.parts?.length ?? 0)).toBeGreaterThan(0);
  for (let i = 0; i < 5; i++) {
    const hint = playlist.preloadSegment!.preloadHints![0]!.uri;
    const { msn, part } = nextPart(playlist);
    const [early, next] = await Promise.all([client.file(hint), client.text(`_HLS_msn=${msn}&_HLS_part=${part}`)]);
    // A loaded machine makes late frames, so that parts come out short.
    playlist = parsePlaylist(next, { irregular: true });
    const there = [...playlist.segments, playlist.preloadSegment].some((segment) => segment?.parts?.some((each) => each.uri === hint));
    // Only the part behind a segment's last one never comes.
    expect(early.status).toBe(there ? 200 : 404);
    if (there) {
      expect(readIdentities(new Uint8Array(await early.arrayBuffer())).length).toBeGreaterThan(0);
      expect(early.headers.get('content-type')).toBe('video/iso.segment');
    }
  }
  // A delta update needs more than six target durations: too young, it is the full playlist.
  expect(await client.text('_HLS_skip=YES')).not.toContain('EXT-X-SKIP');
});

describe('after a restart', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'sluice-restart-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  /** Address and process of a server of its own. */
  async function serve() {
    const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
    const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--data-dir', dataDir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const url = await new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        text += String(chunk);
        const match = /http:\/\/127\.0\.0\.1:\d+\//.exec(text);
        if (match) resolve(match[0]);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => reject(new Error(`the server ended: ${text}`)));
    });
    const get = (path: string, init?: RequestInit) => fetch(new URL(path, url), init);
    const end = async (signal: NodeJS.Signals) => {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    };
    return { url, get, end };
  }

  it('by kill -9 and by hand, the playlist goes on and neither an id nor a segment name is used again', async () => {
    const now = () => (performance.timeOrigin + performance.now()) * 1000;
    const FRAMES = 130;
    const ids = new Set<number>();
    const bytesOf = new Map<string, Uint8Array>();
    const idsIn = new Map<number, number>();
    let lastId = 0;
    for (const [round, signal] of (['SIGKILL', 'SIGTERM', 'SIGTERM'] as const).entries()) {
      const server = await serve();
      try {
        const publisher = await TestPublisher.open(server.url, 'cam');
        // Five seconds: a restart waits for the next 2 s of the grid, and a whole segment must follow.
        const inFlight = async () => mostInFlight((await (await server.get('api/streams/cam/stats')).json()) as StreamStats);
        await pushIrregular(publisher, FRAMES, now, round + 1, inFlight);
        for (const { id } of publisher.acked) {
          expect(id).toBeGreaterThan(lastId);
          expect(ids.has(id)).toBe(false);
          ids.add(id);
          lastId = id;
        }
        expect(publisher.acked).toHaveLength(FRAMES);
        const client = new HlsClient(server.get, 'cam');
        const playlist = await client.playlist();
        const whole = playlist.segments.filter((_, i) => !playlist.gaps[i]);
        const names = whole.map((segment) => segment.uri);
        // What a viewer has seen before is still there, byte for byte.
        for (const [name, bytes] of bytesOf) {
          expect(names).toContain(name);
          expect(Buffer.from(await client.bytes(name))).toEqual(Buffer.from(bytes));
        }
        expect(new Set(names).size).toBe(names.length);
        const fresh = names.filter((name) => !bytesOf.has(name));
        expect(fresh.length).toBeGreaterThan(0);
        for (const name of fresh) {
          const bytes = await client.bytes(name);
          bytesOf.set(name, bytes);
          for (const { identity } of readIdentities(bytes)) {
            if (identity.repeat) continue;
            // One frame, one segment.
            expect(idsIn.has(identity.id)).toBe(false);
            idsIn.set(identity.id, identity.timestamp);
          }
        }
        expect(playlist.segments.filter((segment) => segment.discontinuity)).toHaveLength(round);
        expect(playlist.discontinuitySequence).toBe(0);
        // On a busy machine the encoder is behind; what it has not seen yet cannot be in any file.
        const newest = async () => {
          const { frames } = (await (await server.get('live/cam/timeline.json')).json()) as Timeline;
          return frames.id.reduce((id, step) => id + step, 0);
        };
        await expect.poll(newest).toBeGreaterThan(lastId - 12);
        await publisher.close();
      } finally {
        await server.end(signal);
      }
    }
    // The parts of the segment that was open at kill -9 were not lost: it was read back from its own bytes.
    const first = [...idsIn.keys()].filter((id) => id <= FRAMES);
    expect(first.length).toBeGreaterThan(FRAMES - 15);
  }, 180_000);

  it('a stream that waits for its program shows what is kept at once, and holds a request for more for 6 s', async () => {
    await using server = await testServer({ dataDir });
    const client = new HlsClient(server.fetch, 'cam');
    using first = ownTime();
    const playlist = await client.playlist();
    expect(first.ms()).toBeLessThan(3000);
    const asked = performance.now();
    using time = ownTime();
    const { msn, part } = nextPart(playlist);
    const [held, plain] = await Promise.all([client.text(`_HLS_msn=${msn}&_HLS_part=${part}`), pause(100).then(() => client.text())]);
    const ms = performance.now() - asked;
    expect(held).toBe(plain);
    expect(ms).toBeGreaterThan(5800);
    expect(time.ms()).toBeLessThan(9000);
  });
});
