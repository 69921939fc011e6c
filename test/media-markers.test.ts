// Markers in what HLS serves: event messages in the parts, date ranges in the playlists, from one store.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { expect, it, vi } from 'vitest';
import type { Timeline } from '../src/api/schema.ts';
import type { Marker } from '../src/api/timeline.ts';
import { type Micros, toTicks } from '../src/core/time.ts';
import { readMarkerEmsgs } from '../src/formats/emsg.ts';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import { punctual, timelineRows } from './clips.ts';
import { HlsClient, nextPart } from './hls-client.ts';
import { parsePlaylist } from './playlists.ts';
import { type TestServer, testServer } from './server.ts';
import { hasTool } from './tools.ts';

const run = promisify(execFile);
const ffprobe = hasTool('ffprobe');
const cam = {
  source: { type: 'pattern' as const, width: 320, height: 192, vary: [16, 61] as [number, number], drop: 0.1 },
  dvr: { mode: 'always' as const },
};

async function send<T>(server: TestServer, path: string, method: string, body: unknown): Promise<T> {
  const init = { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await server.fetch(path, init);
  expect(response.status, await response.clone().text()).toBeLessThan(300);
  return (await response.json()) as T;
}

const mark = <T = Marker>(server: TestServer, body: unknown) => send<T>(server, 'api/streams/cam/markers', 'POST', body);
const rowsOf = async (server: TestServer) => timelineRows(await server.json<Timeline>('live/cam/timeline.json'));

/** A time well ahead of what is being encoded. */
const soon = (server: TestServer) => server.clock.now() + 2_000_000;

it('known before their frame is encoded they are inside its part, at its time; late ones change no byte', async () => {
  await using server = await testServer({ streams: { cam } });
  const client = new HlsClient(server.fetch, 'cam');
  const early = (await client.playlist()).preloadSegment;
  expect(early).toBeDefined();
  const markers = await mark<Marker[]>(server, [
    ...Array.from({ length: 20 }, (_, i) => ({ id: `m${i}`, label: `Spike "${i}"`, kind: 'spike', timestamp: soon(server) + i * 70_000 })),
    { id: 'open', label: 'A run', kind: 'run', timestamp: soon(server), open: true },
  ]);
  const end = markers.at(-2)!.timestamp;
  const passed = async () => (await rowsOf(server)).at(-1)!.pts > (end + 4_000_000) * 0.09;
  await vi.waitUntil(passed, { timeout: 60_000, interval: 200 });

  const playlist = await client.playlist();
  const segments = new Map<string, Uint8Array>();
  for (const [i, segment] of playlist.segments.entries()) if (!playlist.gaps[i]) segments.set(segment.uri, await client.bytes(segment.uri));
  const media = [...segments.values()];
  const events = media.flatMap((bytes) => readMarkerEmsgs(bytes)).map((event) => ({ ...event, marker: JSON.parse(event.json) as Marker }));
  const samples = media.flatMap((bytes) => readIdentities(bytes));
  expect(events.map(({ marker }) => marker.id).toSorted()).toEqual(markers.map(({ id }) => id).toSorted());
  const rows = await rowsOf(server);
  for (const event of events) {
    // The frame on show at the marker's time, whose identity lies in the very next samples.
    const shown = rows.findLast((row) => row.pts <= toTicks(event.marker.timestamp as Micros))!;
    expect(event.pts).toBe(shown.pts);
    expect(samples.find((sample) => sample.pts === event.pts)!.identity.id).toBe(shown.id);
    expect(event.duration === null).toBe(event.marker.open);
  }

  // Late: for frames that were served long ago.
  const late = punctual(rows)[3]!;
  await mark(server, { id: 'late', label: 'Seen later', frame: late.id });
  await mark(server, { id: 'm3', label: 'Renamed', kind: 'spike', timestamp: markers[3]!.timestamp });
  for (const [uri, bytes] of segments) expect(Buffer.from(await client.bytes(uri)).equals(bytes), uri).toBe(true);
  const text = await client.text();
  const ranges = parsePlaylist(text, { irregular: true }).dateRanges!;
  const ids = ranges.map(({ id }) => id);
  // Under its own name stands what players may have seen before; what has changed since has a new one.
  expect(ids.toSorted()).toEqual([...markers.map(({ id }) => id.replace(/^m3$/, 'm3~2')), 'late'].toSorted());
  const found = ranges.find(({ id }) => id === 'late')!;
  expect(found.startDate.getTime()).toBe(Math.ceil(late.pts / 90) + 1);
  expect(text).toContain(`X-FRAME=${late.id},`);
  expect(/#EXT-X-DATERANGE:ID="open".*/.exec(text)![0]).not.toMatch(/END-DATE|DURATION/);
  await send(server, 'api/streams/cam/markers/open', 'PATCH', { end: end + 1_000_000 });
  const ended = parsePlaylist(await client.text(), { irregular: true }).dateRanges!.find(({ id }) => id === 'open')!;
  expect((ended.endDate as Date).getTime()).toBe(Math.ceil(toTicks((end + 1_000_000) as Micros) / 90) + 1);
  expect((await client.text('ll=0')).match(/#EXT-X-DATERANGE/g)).toHaveLength(22);

  // Judges that share nothing with our writer.
  const [uri, bytes] = [...segments].find(([, each]) => readMarkerEmsgs(each).length > 2)!;
  const whole = Buffer.concat([await client.bytes(playlist.segments.find((segment) => segment.uri === uri)!.map!.uri), bytes]);
  const file = createFile();
  const times: number[] = [];
  file.onReady = () => {
    file.setExtractionOptions(1, null, { nbSamples: 1 });
    file.start();
  };
  file.onSamples = (_id, _user, list) => times.push(...list.map((sample) => sample.cts));
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(whole).buffer, 0));
  file.flush();
  expect(times).toEqual(readIdentities(bytes).map((sample) => sample.pts));
  expect(file.boxes.filter((box) => box.type === 'emsg')).toHaveLength(readMarkerEmsgs(bytes).length);
  if (!ffprobe) return;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-emsg-'));
  try {
    const path = join(folder, 'segment.mp4');
    await writeFile(path, whole);
    const probed = await run('ffprobe', ['-v', 'warning', '-show_entries', 'packet=pts', '-of', 'csv=p=0', path]);
    expect(probed.stderr).toBe('');
    const probedTimes = probed.stdout.split('\n').filter(Boolean);
    expect(probedTimes.map((line) => Number.parseInt(line, 10))).toEqual(times);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);

it('a delta update leaves out known ranges; a marker wakes no request that waits for media', async () => {
  await using server = await testServer({ streams: { cam } });
  const client = new HlsClient(server.fetch, 'cam');
  await client.playlist();
  const first = (await rowsOf(server))[0]!;
  await mark(server, [
    { id: 'old', label: 'old', frame: first.id },
    { id: 'gone', label: 'gone', frame: first.id },
  ]);
  await client.text();
  const longEnough = async () => (await rowsOf(server)).at(-1)!.pts - first.pts > 15 * 90_000;
  await vi.waitUntil(longEnough, { timeout: 60_000, interval: 200 });
  await mark(server, { id: 'new', label: 'new', frame: first.id });
  const removed = await server.fetch('api/streams/cam/markers/gone', { method: 'DELETE' });
  expect(removed.status).toBeLessThan(300);
  const full = parsePlaylist(await client.text(), { irregular: true });
  expect(full.dateRanges!.map(({ id }) => id)).toEqual(['old', 'new']);
  expect(full.serverControl).toMatchObject({ canSkipDateranges: true });
  const delta = parsePlaylist(await client.text('_HLS_skip=v2'), { irregular: true });
  expect(delta.skip).toMatchObject({ recentlyRemovedDateranges: ['gone'] });
  expect(delta.dateRanges!.map(({ id }) => id)).toEqual(['new']);
  const old = parsePlaylist(await client.text('_HLS_skip=YES'), { irregular: true });
  expect(old.skip!.recentlyRemovedDateranges).toBeUndefined();
  expect(old.dateRanges!.map(({ id }) => id)).toEqual(['old', 'new']);

  // The source sleeps: nothing new will come.
  expect((await server.fetch('api/streams/cam/stop', { method: 'POST' })).status).toBeLessThan(300);
  const ended = parsePlaylist(await client.text(), { irregular: true });
  expect(ended.endList).toBe(true);
  expect(ended.dateRanges!.map(({ id }) => id)).toEqual(['old', 'new']);
  await mark(server, { id: 'after', label: 'after the end', frame: first.id });
  expect(parsePlaylist(await client.text(), { irregular: true }).dateRanges!.map(({ id }) => id)).toEqual(['old', 'new', 'after']);
}, 120_000);

it('a marker alone does not answer a held request', async () => {
  await using server = await testServer({ streams: { cam } });
  const client = new HlsClient(server.fetch, 'cam');
  let answers = 0;
  let playlist = await client.playlist();
  let marking = true;
  const writer = (async () => {
    for (let i = 0; marking; i++) await mark(server, { id: 'm', label: `state ${i}` });
  })();
  try {
    while (answers++ < 15) {
      const { msn, part } = nextPart(playlist);
      playlist = await client.playlist(`_HLS_msn=${msn}&_HLS_part=${part}`);
      const next = nextPart(playlist);
      expect(next.msn > msn || (next.msn === msn && next.part > part), JSON.stringify({ msn, part, next })).toBe(true);
    }
  } finally {
    marking = false;
    await writer;
  }
}, 60_000);
