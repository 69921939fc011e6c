// Markers, metrics and data through a real server: REST, events with resumption, kill -9.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import type { ServerEvent } from '../src/api/schema.ts';
import type { DataItem, DataPage, Marker, MarkerPage, MetricAnswer } from '../src/api/timeline.ts';
import { writeFrameHeader } from '../src/formats/frame-header.ts';
import { type Acked, TestPublisher } from './publisher.ts';
import { type TestServer, testServer } from './server.ts';
import { SseClient } from './sse.ts';

let server: TestServer;
let publisher: TestPublisher;
beforeEach(async () => {
  server = await testServer();
  publisher = await TestPublisher.open(server.url, 'cam');
});
afterEach(async () => {
  await publisher.close();
  await server.close();
});

const send = (method: string, body: unknown): RequestInit => ({
  method,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});
const post = <T>(path: string, body: unknown) => server.json<T>(`api/streams/cam/${path}`, send('POST', body));
const get = <T>(path: string) => server.json<T>(`api/streams/cam/${path}`);

/** Pushes frames 40 ms apart that end now. */
async function frames(count: number): Promise<readonly Acked[]> {
  const before = publisher.acked.length;
  const start = server.clock.now() - count * 40_000;
  for (let i = 0; i < count; i++) publisher.send(start + i * 40_000, { width: 64, height: 48 });
  await publisher.answered();
  return publisher.acked.slice(before);
}

describe('markers', () => {
  it('get the capture time of their frame, and the frame of their time', async () => {
    const acked = await frames(50);
    const byFrame = await post<Marker>('markers', { label: 'by id', frame: acked[20]!.id });
    expect(byFrame).toMatchObject({
      frame: acked[20]!.id,
      timestamp: acked[20]!.timestamp,
      kind: 'event',
      end: null,
      open: false,
      data: null,
    });
    // Between two frames the earlier one was on show.
    const byTime = await post<Marker>('markers', { label: 'by time', timestamp: acked[30]!.timestamp + 39_000, end: acked[40]!.timestamp });
    expect(byTime).toMatchObject({ frame: acked[30]!.id, endFrame: acked[40]!.id });
    const now = await post<Marker>('markers', { label: 'now' });
    expect(now).toMatchObject({ frame: acked[49]!.id, timestamp: acked[49]!.timestamp });
  });

  it('may be ahead of their frame, by id and by time, and are bound when it comes', async () => {
    const acked = await frames(3);
    await using events = await SseClient.open(new URL('api/events?types=marker', server.url));
    await events.until(() => events.lastId !== '', 'an id');
    const next = acked[2]!.id + 1;
    const byId = await post<Marker>('markers', { id: 'id', label: 'the next frame', frame: next });
    expect(byId.frame).toBe(next);
    const soon = server.clock.now() + 700_000;
    const byTime = await post<Marker>('markers', { id: 'time', label: 'soon', timestamp: soon });
    expect(byTime).toMatchObject({ frame: null, timestamp: soon });
    const first = soon - 500_000;
    publisher.send(first, { width: 64, height: 48 });
    publisher.send(soon - 20_000, { width: 64, height: 48 });
    publisher.send(soon + 20_000, { width: 64, height: 48 });
    await events.until((all) => all.filter(({ data }) => (data.marker as Marker).id === 'id').length === 2, 'the marker by id is bound');
    expect(await get<Marker>('markers/id')).toMatchObject({ frame: next, timestamp: first });
    await events.until((all) => all.some(({ data }) => (data.marker as Marker).frame === next + 1), 'the marker by time is bound');
    expect(await get<Marker>('markers/time')).toMatchObject({ frame: next + 1, timestamp: soon });
  });

  it('are the same by id: the same words change nothing, other words change it', async () => {
    const acked = await frames(5);
    const one = await post<Marker>('markers', { id: 'a', label: 'x', frame: acked[1]!.id, data: { score: 1 } });
    expect(await post('markers', { id: 'a', label: 'x', frame: acked[1]!.id, data: { score: 1 } })).toEqual(one);
    const other = await post<Marker>('markers', { id: 'a', label: 'y', frame: acked[1]!.id });
    expect(other).toMatchObject({ id: 'a', label: 'y', data: null });
    expect(other.sequence).toBeGreaterThan(one.sequence);
    expect((await get<MarkerPage>('markers')).items).toEqual([other]);
  });

  it('of a list are set all or none, and the error names the entry', async () => {
    await frames(2);
    const refused = await server.fetch('api/streams/cam/markers', send('POST', [{ label: 'ok' }, { label: 'no', frame: 999_999_999 }]));
    expect(refused.status).toBe(404);
    expect(await refused.json()).toMatchObject({ code: 'unknown-frame', field: '[1].frame', received: 999_999_999 });
    const wrong = await server.fetch(
      'api/streams/cam/markers',
      send('POST', [{ label: 'ok' }, { label: 'no', timestamp: 1_763_640_000.12 }]),
    );
    expect(await wrong.json()).toMatchObject({
      code: 'bad-timestamp',
      field: '[1].timestamp',
      detail: '1763640000.12 looks like seconds; expected 1763640000120000',
    });
    const shape = await server.fetch('api/streams/cam/markers', send('POST', [{ label: 'ok' }, { lable: 'no' }]));
    expect(await shape.json()).toMatchObject({ code: 'bad-value', field: '[1].label' });
    for (const id of ['', '..', 'x'.repeat(129)]) {
      const bad = await server.fetch('api/streams/cam/markers', send('POST', { label: 'x', id }));
      expect(await bad.json()).toMatchObject({ status: 400, code: 'bad-value', field: 'id' });
    }
    expect((await get<MarkerPage>('markers')).items).toEqual([]);
    expect(await post<Marker[]>('markers', [{ label: 'one' }, { label: 'two' }])).toHaveLength(2);
  });

  it('can be open spans that end later, be changed and be removed', async () => {
    const acked = await frames(20);
    const open = await post<Marker>('markers', { id: 's', label: 'span', frame: acked[3]!.id, open: true });
    expect(open).toMatchObject({ open: true, end: null });
    const ended = await server.json<Marker>('api/streams/cam/markers/s', send('PATCH', { endFrame: acked[9]!.id }));
    expect(ended).toMatchObject({ open: false, endFrame: acked[9]!.id, end: acked[9]!.timestamp, label: 'span' });
    const backwards = await server.fetch('api/streams/cam/markers/s', send('PATCH', { endFrame: acked[1]!.id }));
    expect(await backwards.json()).toMatchObject({ code: 'bad-value', field: 'end' });
    expect(await server.json<Marker>('api/streams/cam/markers/s', send('PATCH', { end: null }))).toMatchObject({
      end: null,
      endFrame: null,
    });
    expect((await server.fetch('api/streams/cam/markers/s', { method: 'DELETE' })).status).toBe(204);
    const gone = await server.fetch('api/streams/cam/markers/s');
    expect(gone.status).toBe(404);
    expect(await gone.json()).toMatchObject({ code: 'unknown-marker' });
  });

  it('are found by span, kind and page, in both orders', async () => {
    const acked = await frames(100);
    const wishes = acked.slice(0, 60).map(({ id }, i) => ({ id: `m${i}`, label: String(i), frame: id, kind: i % 2 ? 'odd' : 'even' }));
    await post('markers', wishes);
    await post('markers', { id: 'long', label: 'span', frame: acked[0]!.id, endFrame: acked[80]!.id, kind: 'span' });
    const collect = async (query: string) => {
      const ids: string[] = [];
      for (let after = ''; ; ) {
        const page = await get<MarkerPage>(`markers?limit=7${query}${after}`);
        ids.push(...page.items.map(({ id }) => id));
        if (!page.next) return ids;
        after = `&after=${page.next}`;
      }
    };
    expect(await collect('&kind=odd')).toEqual(wishes.filter(({ kind }) => kind === 'odd').map(({ id }) => id));
    expect(await collect('&kind=odd&order=newest')).toEqual(
      wishes
        .filter(({ kind }) => kind === 'odd')
        .map(({ id }) => id)
        .reverse(),
    );
    // A span that began before is among those of its time.
    const [from, to] = [acked[50]!.timestamp, acked[52]!.timestamp];
    expect((await collect(`&start=${from}&end=${to}`)).sort()).toEqual(['long', 'm50', 'm51', 'm52']);
    expect(await collect(`&start=${acked[81]!.timestamp}`)).toEqual([]);
    // What has changed since.
    const { sequence } = await get<Marker>('markers/m59');
    expect((await get<MarkerPage>(`markers?after=${sequence}`)).items.map(({ id }) => id)).toEqual(['long']);
    const wrong = await server.fetch('api/streams/cam/markers?after=nonsense');
    expect(await wrong.json()).toMatchObject({ code: 'bad-value', field: 'after' });
  });

  it('of an unknown stream are refused with the names that there are', async () => {
    const response = await server.fetch('api/streams/cem/markers', send('POST', { label: 'x' }));
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: 'unknown-stream', detail: expect.stringContaining('cam') });
  });
});

describe('metrics and data', () => {
  it('come back raw with their frames, binned, and with gaps as null', async () => {
    const acked = await frames(30);
    await server.json('api/streams/cam', send('PUT', { metrics: { mean: { unit: 'counts', label: 'Mean' } } }));
    const samples = acked.map(({ id }, i) => ({ frame: id, values: { mean: i === 10 ? null : i, profile: [i, null, i] } }));
    const answer = await server.fetch('api/streams/cam/metrics', send('POST', samples));
    expect(answer.status).toBe(202);
    expect(await answer.json()).toEqual({ accepted: 30, dropped: 0 });
    const raw = await get<MetricAnswer>('metrics?names=mean&step=0');
    expect(raw).toMatchObject({ step: 0, series: [{ name: 'mean', unit: 'counts', label: 'Mean', width: 1, truncated: false }] });
    const [mean] = raw.series;
    expect(mean!.frame).toEqual(acked.map(({ id }) => id));
    expect(mean!.value).toEqual(acked.map((_, i) => (i === 10 ? null : i)));
    let time = 0;
    expect(mean!.timestamp.map((delta) => (time += delta))).toEqual(acked.map(({ timestamp }) => timestamp));
    const all = await get<MetricAnswer>('metrics?step=1h');
    expect(all.series.map(({ name, width, count }) => [name, width, count])).toEqual([
      ['mean', 1, [29]],
      ['profile', 3, [60]],
    ]);
    const vectors = (await get<MetricAnswer>('metrics?names=profile&step=0')).series[0]!;
    expect(vectors.value![4]).toEqual([4, null, 4]);
  });

  it('of a time get the frame that was on show when they are read', async () => {
    const acked = await frames(3);
    await post('metrics', { timestamp: acked[1]!.timestamp + 1000, values: { t: 1 } });
    expect((await get<MetricAnswer>('metrics?names=t&step=0')).series[0]!.frame).toEqual([acked[1]!.id]);
    const unknown = await server.fetch('api/streams/cam/metrics', send('POST', { frame: 888_888_888, values: { t: 1 } }));
    expect(await unknown.json()).toMatchObject({ code: 'unknown-frame', field: 'frame' });
  });

  it('of a frame that is on its way wait for its capture time', async () => {
    const acked = await frames(2);
    const next = acked[1]!.id + 1;
    expect(await post('metrics', { frame: next, values: { t: 5 } })).toEqual({ accepted: 1, dropped: 0 });
    const item = post<DataItem>('data', { frame: next, n: 1 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [frame] = await frames(1);
    expect(frame!.id).toBe(next);
    expect(await item).toMatchObject({ frame: next, timestamp: frame!.timestamp });
    const { series } = await get<MetricAnswer>('metrics?names=t&step=0');
    expect(series[0]).toMatchObject({ timestamp: [frame!.timestamp], frame: [next], value: [5] });
    // One that does not come is no frame.
    const never = await server.fetch('api/streams/cam/data', send('POST', { frame: next + 50, n: 2 }));
    expect(await never.json()).toMatchObject({ code: 'unknown-frame', field: 'frame' });
  });

  it('without a place are counted: in part with 202, all of them with 429', async () => {
    await frames(1);
    const profile = new Array<number>(1024).fill(1);
    const some = await server.fetch('api/streams/cam/metrics', send('POST', new Array(600).fill({ values: { profile } })));
    expect(some.status).toBe(202);
    const counted = (await some.json()) as { accepted: number; dropped: number };
    expect(counted.accepted + counted.dropped).toBe(600);
    expect(counted.dropped).toBeGreaterThan(0);
    // Larger than the whole queue.
    const values = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`v${i}`, profile]));
    const none = await server.fetch('api/streams/cam/metrics', send('POST', { values }));
    expect(none.status).toBe(429);
    expect(await none.json()).toMatchObject({ code: 'queue-full', accepted: 0, dropped: 1 });
  });

  it('records keep any JSON and their frame', async () => {
    const acked = await frames(3);
    const boxes = [{ x: 1, y: 2, w: 3, h: 4, label: 'cell', score: 0.5, track: 7 }];
    const item = await post<DataItem>('data', { frame: acked[1]!.id, boxes, more: { deep: [1, null] } });
    expect(item).toMatchObject({ frame: acked[1]!.id, timestamp: acked[1]!.timestamp, record: { boxes, more: { deep: [1, null] } } });
    await post('data', [{ n: 1 }, { n: 2 }]);
    const page = await get<DataPage>('data?limit=2');
    expect(page.items.map(({ record }) => record.n)).toEqual([undefined, 1]);
    expect((await get<DataPage>(`data?limit=2&after=${page.next}`)).items.map(({ record }) => record.n)).toEqual([2]);
    const newest = await get<DataPage>('data?limit=2&order=newest');
    expect(newest.items.map(({ record }) => record.n)).toEqual([2, 1]);
    expect((await get<DataPage>(`data?limit=2&order=newest&after=${newest.next}`)).items).toEqual([item]);
  });
});

describe('a program that pushes over a WebSocket', () => {
  it('sends metrics, markers and data as text; they belong to the frame before them', async () => {
    const ws = new WebSocket(new URL('api/streams/cam/frames', server.url.replace(/^http/, 'ws')));
    await once(ws, 'open');
    const answers: Record<string, unknown>[] = [];
    let wake = () => {};
    ws.on('message', (data) => {
      answers.push(JSON.parse(String(data)) as Record<string, unknown>);
      wake();
    });
    const say = (message: unknown) => ws.send(typeof message === 'string' ? message : JSON.stringify(message));
    // PNG is decoded for a while: what is said meanwhile waits for it.
    const png = PNG.sync.write(new PNG({ width: 64, height: 48 }));
    const header = writeFrameHeader({ encoding: 'png', format: 'rgba', width: 64, height: 48, payloadBytes: png.length });
    ws.send(Buffer.concat([header, png]));
    say({ type: 'marker', ref: 1, label: 'here' });
    say({ type: 'metric', values: { quiet: 1 } });
    say({ type: 'metric', ref: 'm', values: { mean: 2, gap: null } });
    say({ type: 'data', ref: 2, record: { boxes: [] } });
    say({ type: 'marker', ref: 3, label: 'elsewhere', frame: 999_999_999 });
    say({ type: 'metric', values: { bad: 'text' } });
    say('no JSON');
    while (answers.length < 7) await new Promise<void>((resolve) => (wake = resolve));
    const frame = answers.find(({ type }) => type === 'ack')!.id;
    expect(answers.find(({ ref }) => ref === 1)).toMatchObject({ type: 'stored', marker: { label: 'here', frame } });
    expect(answers.find(({ ref }) => ref === 'm')).toEqual({ type: 'stored', ref: 'm', accepted: 1, dropped: 0 });
    expect(answers.find(({ ref }) => ref === 2)).toMatchObject({ type: 'stored', item: { frame, record: { boxes: [] } } });
    expect(answers.find(({ ref }) => ref === 3)).toMatchObject({ type: 'error', code: 'unknown-frame' });
    expect(answers.filter(({ type, ref }) => type === 'error' && ref === undefined)).toMatchObject([
      { code: 'bad-value', field: 'values.bad' },
      { code: 'bad-request' },
    ]);
    expect((await get<MetricAnswer>('metrics?names=quiet&step=0')).series[0]!.frame).toEqual([frame]);
    const figures = await (await server.fetch('metrics')).text();
    expect(figures).toContain('sluice_metric_samples_total{stream="cam",fate="accepted"} 2');
    ws.close();
  });
});

describe('files', () => {
  const csv = async (path: string) => {
    const response = await server.fetch(path);
    expect(response.headers.get('content-type')).toContain('text/csv');
    const [head, ...rows] = (await response.text()).trimEnd().split('\n');
    return { name: response.headers.get('content-disposition'), head, rows };
  };

  it('metrics.csv has times, frames and one column for each metric', async () => {
    const acked = await frames(4);
    const [first, second] = [acked[0]!, acked[1]!];
    await post('metrics', [
      { frame: first.id, values: { mean: 1.5, profile: [1, null] } },
      { frame: second.id, values: { mean: null } },
    ]);
    const { name, head, rows } = await csv('live/cam/metrics.csv');
    expect(name).toMatch(/^attachment; filename="cam_\d{8}T\d{6}\.\d{3}Z_metrics\.csv"$/);
    expect(head).toBe('timestamp,time,frame,mean,profile[0],profile[1]');
    expect(rows).toHaveLength(2);
    const time = new Date(first.timestamp / 1000).toISOString().slice(0, 23);
    expect(rows[0]).toMatch(new RegExp(`^${first.timestamp},${time}\\d{3}Z,${first.id},1\\.5,1,$`));
    expect(rows[1]).toMatch(new RegExp(`^${second.timestamp},.*,${second.id},,,$`));
    expect((await csv(`live/cam/metrics.csv?names=mean&start=${second.timestamp}`)).rows).toHaveLength(1);
    expect(await server.json('live/cam/metrics.json?names=mean')).toMatchObject([
      { frame: first.id, values: { mean: 1.5 } },
      { values: {} },
    ]);
  });

  it('markers.csv quotes what must be quoted, and goes on over pages', async () => {
    const acked = await frames(4);
    const marks = Array.from({ length: 1500 }, (_, i) => ({ id: `m${i}`, label: `say "${i}", then\nstop`, frame: acked[0]!.id }));
    await post('markers', marks);
    await post('markers', { id: 'span', label: 'span', frame: acked[1]!.id, endFrame: acked[2]!.id, kind: 'k', data: { a: 1 } });
    const { head, rows } = await csv('live/cam/markers.csv');
    expect(head).toBe('timestamp,time,frame,end,endTime,endFrame,open,kind,label,id,data');
    expect(rows).toHaveLength(2 * 1500 + 1);
    expect(rows[0]).toContain(',event,"say ""0"", then');
    expect(rows.at(-1)).toMatch(new RegExp(`,${acked[2]!.timestamp},[^,]+,${acked[2]!.id},false,k,span,span,"\\{""a"":1\\}"$`));
    expect((await csv('live/cam/markers.csv?kind=k')).rows).toHaveLength(1);
    expect(await server.json<Marker[]>('live/cam/markers.json')).toHaveLength(1501);
    expect(await server.json<Marker[]>('live/cam/markers.json?kind=none')).toEqual([]);
  });
});

describe('events', () => {
  const label = ({ data }: { data: Record<string, unknown> }) => (data.marker as Marker | undefined)?.label;

  it('go on where an SSE client was, across a restart of the server too', async () => {
    await publisher.close();
    await server.close();
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-events-'));
    server = await testServer({ dataDir });
    publisher = await TestPublisher.open(server.url, 'cam');
    await frames(2);
    const url = () => new URL('api/events?types=marker,data,metric&streams=cam', server.url);
    let place = '';
    {
      await using events = await SseClient.open(url());
      await post('markers', { id: 'a', label: 'seen' });
      await events.until((all) => all.length === 1, 'the first marker');
      place = events.lastId;
    }
    await post('markers', { id: 'b', label: 'missed' });
    await post('data', { n: 1 });
    await post('metrics', { values: { m: 1 } });
    await server.fetch('api/streams/cam/markers/a', { method: 'DELETE' });
    await publisher.close();
    await server.close();
    server = await testServer({ dataDir });
    publisher = await TestPublisher.open(server.url, 'cam');
    await using events = await SseClient.open(url(), place);
    await post('markers', { id: 'c', label: 'live' });
    await events.until((all) => all.some((event) => label(event) === 'live'), 'the live marker');
    const told = events.events.map(({ type, data }) => [type, data.action ?? data.count, (data.marker as Marker | undefined)?.id]);
    expect(told).toEqual([
      ['skipped', 1, undefined],
      ['marker', 'set', 'b'],
      ['data', undefined, undefined],
      ['marker', 'remove', 'a'],
      ['marker', 'set', 'c'],
    ]);
    expect(events.events[0]!.data).toMatchObject({ stream: 'cam', types: ['metric'] });
    await rm(dataDir, { recursive: true, force: true });
  });

  it('go on where a WebSocket client was; a foreign id is told as such', async () => {
    await frames(2);
    const open = async () => {
      const ws = new WebSocket(new URL('api/events', server.url.replace(/^http/, 'ws')));
      const all: ServerEvent[] = [];
      let wake = () => {};
      ws.on('message', (data) => {
        all.push(JSON.parse(String(data)) as ServerEvent);
        wake();
      });
      const until = async (done: () => boolean) => {
        while (!done()) await new Promise<void>((resolve) => (wake = resolve));
      };
      await until(() => all.length > 0);
      return { ws, all, until };
    };
    const first = await open();
    const hello = first.all[0]!;
    const id = hello.type === 'hello' ? hello.id! : '';
    first.ws.close();
    await post('markers', [{ label: '1' }, { label: '2' }]);
    const second = await open();
    second.ws.send(JSON.stringify({ type: 'subscribe', types: ['marker'], after: id }));
    await second.until(() => second.all.length >= 3);
    expect(second.all.slice(1).map((event) => event.type === 'marker' && event.marker.label)).toEqual(['1', '2']);
    const last = second.all.at(-1)!;
    second.ws.send(JSON.stringify({ type: 'subscribe', types: ['marker'], after: last.type === 'marker' ? last.id : '' }));
    await post('markers', { label: '3' });
    await second.until(() => second.all.length >= 4);
    expect(second.all.slice(3).map((event) => event.type === 'marker' && event.marker.label)).toEqual(['3']);
    second.ws.send(JSON.stringify({ type: 'subscribe', types: ['marker', 'data'], after: 'abcd-1-1' }));
    await second.until(() => second.all.length >= 5);
    expect(second.all[4]).toMatchObject({ type: 'skipped', stream: 'cam', types: ['marker', 'data'] });
    second.ws.close();
  });

  it('a client that does not read loses metrics, is told how many, and loses no marker', { timeout: 120_000 }, async () => {
    await frames(2);
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.pause();
    socket.on('data', (data) => (text += data));
    socket.write(`GET /api/events?types=metric,marker HTTP/1.1\r\nhost: ${hostname}:${port}\r\n\r\n`);
    const vector = Array.from({ length: 1024 }, (_, i) => i + 0.123456789);
    const samples = send(
      'POST',
      Array.from({ length: 50 }, () => ({ values: { v: vector } })),
    );
    let sent = 0;
    for (let round = 0; round < 60; round++) {
      await server.json('api/streams/cam/metrics', samples);
      sent += 50;
      await post('markers', { label: `m${round}` });
    }
    socket.resume();
    const deadline = performance.now() + 60_000;
    while (!(text.includes('event: skipped') && text.includes('"m59"')) && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    socket.destroy();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => JSON.parse(json!) as ServerEvent);
    const labels = events.filter((event) => event.type === 'marker').map((event) => event.marker.label);
    expect(labels).toEqual(Array.from({ length: 60 }, (_, i) => `m${i}`));
    const skipped = events.filter((event) => event.type === 'skipped').reduce((sum, event) => sum + event.count, 0);
    const got = events.filter((event) => event.type === 'metric').reduce((sum, event) => sum + event.samples.length, 0);
    expect(skipped).toBeGreaterThan(0);
    expect(skipped + got).toBe(sent);
  });
});

describe('what is kept', () => {
  it('old markers, data and metrics go, but for what lies round protected markers and open spans', async () => {
    const dvr = { window: '60s', keep: { kinds: ['spike'], before: '2s', after: '3s' } };
    await server.json('api/streams/cam', send('PUT', { dvr }));
    const now = server.clock.now();
    const ago = (seconds: number) => now - seconds * 1_000_000;
    const seconds = [600, 302, 301, 300, 298, 290, 100, -30];
    await post('markers', [
      { id: 'spike', label: 'spike', kind: 'spike', timestamp: ago(300) },
      { id: 'open', label: 'open', timestamp: ago(500), open: true },
      ...seconds.map((s) => ({ id: `m${s}`, label: 'other', timestamp: ago(s) })),
    ]);
    await post(
      'data',
      seconds.map((s) => ({ s, timestamp: ago(s) })),
    );
    await post(
      'metrics',
      seconds.map((s) => ({ timestamp: ago(s), values: { s } })),
    );
    // What was made a moment ago is not old, however far back it lies.
    await server.timelines.keep({ leastAgeUs: 0 });
    expect((await get<MarkerPage>('markers')).items).toHaveLength(10);
    await server.timelines.keep({ leastAgeUs: 0, now: server.clock.now() + 62_000_000 });
    const stay = [302, 301, 300, 298, -30];
    const ids = (await get<MarkerPage>('markers')).items.map(({ id }) => id);
    expect(ids.sort()).toEqual(['m-30', 'm298', 'm300', 'm301', 'm302', 'open', 'spike']);
    expect((await get<DataPage>('data')).items.map(({ record }) => record.s)).toEqual(stay);
    expect((await get<MetricAnswer>('metrics?step=0')).series[0]!.value).toEqual(stay);
  });

  it('a stream that is removed takes its timeline along; one that is configured again keeps it', async () => {
    await post('markers', { id: 'a', label: 'x' });
    await post('metrics', { values: { m: 1 } });
    await server.json('api/streams/cam', send('PUT', { title: 'Camera' }));
    expect((await get<MarkerPage>('markers')).items).toHaveLength(1);
    await publisher.close();
    expect((await server.fetch('api/streams/cam', { method: 'DELETE' })).status).toBe(204);
    expect((await server.fetch('api/streams/cam/markers')).status).toBe(404);
    await server.json('api/streams/cam', send('PUT', {}));
    expect((await get<MarkerPage>('markers')).items).toEqual([]);
    expect((await get<MetricAnswer>('metrics')).series).toEqual([]);
    expect(await post<Marker>('markers', { id: 'a', label: 'y' })).toMatchObject({ label: 'y' });
  });
});

describe('access', () => {
  it('reading needs the token for watching, writing the one for everything', async () => {
    const guarded = await testServer({ token: 'all-of-it-1234', viewToken: 'only-look-1234', streams: { cam: {} } });
    const ask = async (path: string, token: string, init: RequestInit = {}) => {
      const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` };
      return (await guarded.fetch(path, { ...init, headers })).status;
    };
    for (const [path, body] of [
      ['markers', { label: 'x' }],
      ['metrics', { values: { m: 1 } }],
      ['data', { n: 1 }],
    ] as const) {
      expect(await ask(`api/streams/cam/${path}`, 'only-look-1234', send('POST', body)), path).toBe(403);
      expect(await ask(`api/streams/cam/${path}`, 'all-of-it-1234', send('POST', body)), path).toBeLessThan(300);
      expect(await ask(`api/streams/cam/${path}`, 'only-look-1234'), path).toBe(200);
      expect(await ask(`api/streams/cam/${path}`, 'wrong'), path).toBe(401);
    }
    for (const file of ['markers.csv', 'metrics.csv']) {
      expect(await ask(`live/cam/${file}?token=only-look-1234`, '')).toBe(200);
      expect((await guarded.fetch(`live/cam/${file}`)).status).toBe(401);
    }
    await guarded.close();
  });
});

describe('a killed server', () => {
  const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

  async function start(dataDir: string): Promise<{ child: ChildProcess; url: string }> {
    const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--data-dir', dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, SLUICE_CONFIG: '' },
    });
    let out = '';
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (data) => {
        out += data;
        const match = /http:\/\/[\d.]+:\d+\//.exec(out);
        if (match) resolve(match[0]);
      });
      child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${out}`)));
    });
    return { child, url };
  }

  it('has every marker that it acknowledged, once', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sluice-kill-'));
    const acknowledged = new Set<string>();
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      const { child, url } = await start(dataDir);
      const gone = new Promise((resolve) => child.once('exit', resolve));
      await fetch(new URL('api/streams/kept', url), send('PUT', {}));
      const target = 100 * (round + 1);
      let killed = false;
      // Several at once, so that some are in the air when the end comes.
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          while (!killed) {
            const id = `m${sent++}`;
            try {
              const response = await fetch(new URL('api/streams/kept/markers', url), send('POST', { id, label: id }));
              if (response.ok) acknowledged.add(id);
              await response.arrayBuffer();
            } catch {
              return;
            }
            if (acknowledged.size >= target && !killed) {
              killed = true;
              child.kill('SIGKILL');
            }
          }
        }),
      );
      await gone;
    }
    const { child, url } = await start(dataDir);
    const found: string[] = [];
    for (let after = ''; ; ) {
      const page = (await (await fetch(new URL(`api/streams/kept/markers?limit=100${after}`, url))).json()) as MarkerPage;
      found.push(...page.items.map(({ id }) => id));
      if (!page.next) break;
      after = `&after=${page.next}`;
    }
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    expect(new Set(found).size).toBe(found.length);
    expect([...acknowledged].filter((id) => !found.includes(id))).toEqual([]);
    await rm(dataDir, { recursive: true, force: true });
  }, 120_000);
});
