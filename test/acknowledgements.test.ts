// The rules of acknowledgements over WebSocket (docs/protocols.md), with real sockets: whoever acknowledges nothing, late, loses one, stops,
// or reads nothing goes on or costs nobody else anything.
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import WebSocket from 'ws';
import type { StreamStats } from '../src/api/schema.ts';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { type TestServer, testServer } from './server.ts';

const SOON = { timeout: 30_000 };

class Viewer {
  readonly ids: number[] = [];
  readonly socket: WebSocket;
  /** Which of its pictures it acknowledges, by their number from 1. */
  acks: (count: number) => boolean;

  constructor(server: TestServer, codec: string, acks: (count: number) => boolean, delayMs = 0) {
    this.acks = acks;
    this.socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=${codec}`);
    onTestFinished(() => this.socket.terminate());
    this.socket.on('message', (data: Buffer, binary) => {
      if (!binary) return;
      const { id } = readFrameHeader(data);
      this.ids.push(id);
      if (!this.acks(this.ids.length)) return;
      if (delayMs) setTimeout(() => this.ack(id), delayMs);
      else this.ack(id);
    });
  }

  ack(id: number): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: 'ack', id }));
  }

  async more(count: number): Promise<void> {
    const { length } = this.ids;
    await expect.poll(() => this.ids.length, SOON).toBeGreaterThanOrEqual(length + count);
  }
}

const all = () => true;
const none = () => false;

it.each(['lossless', 'jpeg'])('%s: each viewer goes on by the rule, and the one beside them never waits', async (codec) => {
  const source = { type: 'pattern', kind: 'microscope', width: 320, height: 200, fps: 25 } as const;
  await using server = await testServer({ streams: { cam: { source, linger: '300ms' } } });
  const good = new Viewer(server, codec, all);
  // Nothing is known of it: one picture at a time, as fast as its socket takes them.
  const silent = new Viewer(server, codec, none);
  // Three may be on their way: one that answers after 0.4 s gets about seven a second.
  const late = new Viewer(server, codec, all, 400);
  // The next one counts for all before it.
  const forgetful = new Viewer(server, codec, (count) => count % 3 !== 0);
  // It acknowledged once, and then nothing: after a second the three are given up, and three more go out.
  const mute = new Viewer(server, codec, (count) => count <= 3);
  await good.more(20);
  await Promise.all([silent.more(5), late.more(5), forgetful.more(20), mute.more(4)]);

  // Counted from here: while the good one sees two seconds, the mute one gets three or so for each of them.
  const before = { mute: mute.ids.length, late: late.ids.length, good: good.ids.length, at: performance.now() };
  await good.more(50);
  const seconds = (performance.now() - before.at) / 1000;
  const most = 3 * (Math.floor(seconds) + 2);
  expect(mute.ids.length - before.mute).toBeLessThanOrEqual(most);
  expect(mute.ids.length - before.mute).toBeGreaterThan(0);
  expect(late.ids.length - before.late).toBeLessThanOrEqual(3 * (seconds / 0.4 + 2));
  expect(good.ids.length - before.good).toBeGreaterThan(late.ids.length - before.late);

  // Newest wins: what they get is never old, never twice, never out of order.
  for (const viewer of [good, silent, late, forgetful, mute]) {
    expect(viewer.ids).toEqual([...new Set(viewer.ids)].sort((a, b) => a - b));
    expect(viewer.socket.readyState).toBe(WebSocket.OPEN);
  }
  // It has found its voice: all of it at once.
  mute.acks = all;
  mute.ack(mute.ids.at(-1)!);
  await mute.more(12);
  // All of them share one encoder, and what a viewer did not get is counted with the viewer.
  const stats = await server.json<StreamStats>('api/streams/cam/stats');
  expect(stats.renditions.filter((rendition) => rendition.running && rendition.codec === codec)).toHaveLength(1);
  const output = stats.outputs[`ws-${codec}`]!;
  expect(output.viewers).toBe(5);
  expect(output.offered).toBe(output.sent + output.skipped.newest! + output.inFlight);
});

it('h264: a viewer that acknowledges no more goes on too', async () => {
  const source = { type: 'pattern', width: 128, height: 96, fps: 30 } as const;
  await using server = await testServer({ streams: { cam: { source, linger: '300ms', dvr: { mode: 'off' } } } });
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/live/cam/ws?codec=h264`);
  onTestFinished(() => socket.terminate());
  let pictures = 0;
  socket.on('message', (data: Buffer, binary) => {
    if (!binary) return;
    pictures++;
    const [first] = readIdentities(data);
    if (pictures <= 3) socket.send(JSON.stringify({ type: 'ack', id: first!.identity.id }));
  });
  // Thirty may be on their way; after a second without an answer thirty more go out.
  await expect.poll(() => pictures, SOON).toBeGreaterThan(100);
  expect(socket.readyState).toBe(WebSocket.OPEN);
});

it('a viewer that reads nothing holds one picture, and the others go on', async () => {
  const source = { type: 'pattern', kind: 'microscope', width: 640, height: 512, fps: 20 } as const;
  await using server = await testServer({ streams: { cam: { source, linger: '300ms' } } });
  const good = new Viewer(server, 'lossless&compression=none', all);
  const stalled = new Viewer(server, 'lossless&compression=none', none);
  await once(stalled.socket, 'open');
  stalled.socket.pause();
  const state = async () => {
    const output = (await server.json<StreamStats>('api/streams/cam/stats')).outputs['ws-lossless']!;
    const { sent, skipped } = output;
    return { sent, skipped: skipped.newest ?? 0, queue: Math.max(...output.queues.map(({ depth }) => depth)) };
  };
  // Its socket is full once some megabytes lie in it: then every picture is replaced by the next.
  await expect.poll(async () => (await state()).skipped, { timeout: 60_000 }).toBeGreaterThan(10);
  const before = await state();
  await good.more(20);
  const after = await state();
  expect(after.queue).toBeLessThanOrEqual(1);
  // Nearly all that was sent since went to the good one.
  expect(after.skipped - before.skipped).toBeGreaterThan(10);
  stalled.socket.resume();
  await stalled.more(3);
  expect(stalled.ids).toEqual([...new Set(stalled.ids)].sort((a, b) => a - b));
});
