// The sender and its way over a simulated link on a manual clock: delay, rate with a queue of limited length, loss.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isRtcp, readRtp } from '../../formats/rtp.ts';
import { type Packetized, RtpSender } from './rtp-sender.ts';
import { RUNGS, RungChoice } from './rungs.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const TRANSPORT_ID = 3;

interface Link {
  /** bit/s */
  rate: number;
  /** Bytes that wait at most. */
  queue: number;
  /** 0..1 */
  loss: number;
  delayMs: number;
}

/** A viewer behind a link: gives feedback ten times a second and asks for what is missing. */
function connect(link: Link, limits = { min: 0, max: 400 }) {
  const arrived = new Map<number, number>();
  const seen: { sequence: number; payloadType: number; rtpTime: number; at: number; bytes: number }[] = [];
  let [freeAt, told, newest, random] = [0, 0, -1, 1];
  const rtx = { payloadType: 97, ssrc: 2 };
  const sender = new RtpSender({
    payloadType: 96,
    ssrc: 1,
    rtx,
    delayId: 5,
    transportId: TRANSPORT_ID,
    delay: limits,
    write: (bytes) => {
      const now = performance.now();
      expect(isRtcp(bytes)).toBe(false);
      const packet = readRtp(bytes)!;
      const number = packet.extensions.find(({ id }) => id === TRANSPORT_ID)!.data.reduce((sum, byte) => sum * 256 + byte, 0);
      newest = number;
      random = (random * 48_271) % 0x7fffffff;
      const start = Math.max(now, freeAt);
      const waiting = ((start - now) * link.rate) / 8000;
      if (random / 0x7fffffff < link.loss || waiting > link.queue) return;
      freeAt = start + (bytes.length * 8000) / link.rate;
      const at = freeAt + link.delayMs;
      arrived.set(number, at);
      const original = packet.payloadType === 97 ? packet.payload[0]! * 256 + packet.payload[1]! : packet.sequence;
      seen.push({ sequence: original, payloadType: packet.payloadType, rtpTime: packet.timestamp, at, bytes: bytes.length });
    },
  });
  setInterval(() => {
    const now = performance.now();
    let last = newest;
    while (last >= told && (arrived.get(last) ?? Number.POSITIVE_INFINITY) > now - link.delayMs) last--;
    if (last < told) return;
    const arrivals = Array.from({ length: last + 1 - told }, (_, i) => {
      const at = arrived.get(told + i);
      arrived.delete(told + i);
      return at !== undefined && at <= now - link.delayMs ? at + 5_000_000 : null;
    });
    sender.way!.told({ base: told & 0xffff, arrivals }, now);
    told = last + 1;
  }, 100);
  return { sender, seen, link };
}

function picture(index: number, bytes: number): Packetized {
  const payloads = Array.from({ length: Math.max(1, Math.ceil(bytes / 1100)) }, (_, i) => new Uint8Array(Math.min(1100, bytes - i * 1100)));
  return { payloads, rtpTime: index * 3000, ahead: 0, key: index % 60 === 0, text: '{}' };
}

/** Runs 30 pictures a second of 2.4 Mbit/s on rung 0, key frames four times as large, and changes rungs as the server does. */
function watch(viewer: ReturnType<typeof connect>, choice: RungChoice, seconds: number, from: number): number[] {
  const rungs: number[] = [];
  for (let i = from * 30; i < (from + seconds) * 30; i++) {
    viewer.sender.send(picture(i, (i % 60 === 0 ? 38_000 : 9500) * RUNGS[choice.rung]!));
    if (i % 8 === 0) {
      const now = performance.now();
      const way = viewer.sender.way!.state(now);
      viewer.sender.update(way, now);
      const before = choice.rung;
      rungs.push(choice.update({ way, sending: viewer.sender.rate, probes: true }, now));
      if (choice.rung !== before) viewer.sender.renew();
      if (choice.wanted !== null) viewer.sender.probe(choice.wanted, (room) => choice.room(room, performance.now()));
    }
    vi.advanceTimersByTime(1000 / 30);
  }
  return rungs;
}

const whole = { rate: 10_000_000, queue: 60_000, loss: 0, delayMs: 20 };

it('a way that carries all of it: no other rung, no queue, nothing paced away', () => {
  const viewer = connect({ ...whole });
  expect(new Set(watch(viewer, new RungChoice(), 30, 0))).toEqual(new Set([0]));
  expect(viewer.sender.way!.state(performance.now())).toMatchObject({ verdict: 'fine', lost: 0 });
  expect(viewer.sender.waitingBytes).toBe(0);
});

it('5 % loss changes no rung', () => {
  const viewer = connect({ ...whole, loss: 0.05 });
  expect(new Set(watch(viewer, new RungChoice(), 60, 0))).toEqual(new Set([0]));
});

for (const queue of [20_000, 100_000, 500_000]) {
  it(`a quarter of the rate, a queue of ${queue} bytes: on the lowest rung in 2 s, the queue empties, and back when it is whole`, () => {
    const viewer = connect({ ...whole, queue });
    const choice = new RungChoice();
    watch(viewer, choice, 10, 0);
    viewer.link.rate = 600_000;
    const down = watch(viewer, choice, 2, 10);
    expect(down.at(-1)).toBe(2);
    expect(new Set(watch(viewer, choice, 40, 12))).toEqual(new Set([2]));
    const { seen } = viewer;
    const now = performance.now();
    const late = seen.filter(({ at }) => at > now - 5000 && at < now);
    // 30 pictures a second get through.
    expect(new Set(late.map(({ rtpTime }) => rtpTime)).size).toBeGreaterThan(140);
    expect(viewer.sender.way!.state(now).queueMs).toBeLessThan(50);
    viewer.link.rate = whole.rate;
    const up = watch(viewer, choice, 80, 52);
    expect(up.at(-1)).toBe(0);
    // No swinging.
    expect(up.filter((rung, i) => i > 0 && rung !== up[i - 1])).toEqual([1, 0]);
  });
}

it('5 % loss, 30 ms each way: pictures come evenly once they wait for resends', () => {
  const link = { ...whole, loss: 0.05, delayMs: 30 };
  const { sender, seen } = connect(link);
  const rtt = 2 * link.delayMs;
  /** When each packet came first, and what is asked for again, as browsers do: at once, and then each round trip. */
  const came = new Map<number, number>();
  const missing = new Map<number, number>();
  let [read, highest, first] = [0, -1, -1];
  setInterval(() => {
    const now = performance.now();
    for (; read < seen.length && seen[read]!.at <= now; read++) {
      const { sequence, at } = seen[read]!;
      if (!came.has(sequence)) came.set(sequence, at);
      missing.delete(sequence);
      if (first < 0) [first, highest] = [sequence, sequence];
      for (; highest < sequence; highest++) if (highest + 1 < sequence && !came.has(highest + 1)) missing.set(highest + 1, 0);
    }
    const asked = [...missing].filter(([, at]) => now - at > rtt + 10).map(([sequence]) => sequence);
    for (const sequence of asked) missing.set(sequence, now);
    if (asked.length) setTimeout(() => sender.resend(asked), link.delayMs);
  }, 10);
  const pictures: { sent: number; sequences: number[]; hold: number }[] = [];
  let next = -1;
  for (let i = 0; i < 70 * 30; i++) {
    const now = performance.now();
    const sent = picture(i, i % 60 === 0 ? 38_000 : 9500);
    sender.send(sent);
    if (i % 8 === 0) sender.update(sender.way!.state(now), now);
    if (i % 30 === 0) sender.beat(rtt, now);
    if (next < 0) next = seen[0]!.sequence;
    pictures.push({ sent: now, sequences: sent.payloads.map((_, k) => next + k), hold: sender.delay.min });
    next += sent.payloads.length;
    vi.advanceTimersByTime(1000 / 30);
  }
  vi.advanceTimersByTime(2000);
  // A picture is shown when all of it and all before it are there, and not before its time.
  let ready = 0;
  const shown = pictures.slice(10 * 30).map(({ sent, sequences, hold }) => {
    ready = Math.max(ready, ...sequences.map((sequence) => came.get(sequence) ?? Number.POSITIVE_INFINITY));
    return Math.max(ready, sent + link.delayMs + hold);
  });
  const freezes = shown.filter((at, i) => i > 0 && at - shown[i - 1]! > 100);
  expect(sender.delay.min).toBeGreaterThanOrEqual(rtt);
  expect(sender.delay.min).toBeLessThanOrEqual(200);
  expect(freezes.length).toBeLessThanOrEqual(3);
});

it('resends are RTX packets with the number of the original, and the second copy comes on lossy ways', () => {
  const { sender, seen } = connect({ ...whole });
  sender.send(picture(1, 5000));
  vi.advanceTimersByTime(50);
  const { sequence, rtpTime } = seen[2]!;
  sender.resend([sequence, (sequence + 1000) & 0xffff]);
  vi.advanceTimersByTime(50);
  expect(seen.filter(({ payloadType }) => payloadType === 97)).toMatchObject([{ sequence, rtpTime }]);
  expect(sender.counters).toMatchObject({ resends: 2, missed: 1, pictures: 1 });
  for (let i = 2; i < 60; i++) {
    sender.send(picture(i, 5000));
    sender.resend([seen.at(-1)!.sequence]);
    vi.advanceTimersByTime(33);
    if (i % 30 === 0) sender.beat(60, performance.now());
  }
  sender.beat(60, performance.now());
  expect(sender.delay.min).toBeGreaterThan(60);
  const before = seen.length;
  sender.resend([seen.at(-1)!.sequence]);
  vi.advanceTimersByTime(50);
  expect(seen.length - before).toBe(2);
});

it('RTP time rises although another feed is behind', () => {
  const { sender } = connect({ ...whole });
  expect([10, 11, 11, 10, 13].map((index) => sender.send(picture(index, 100)))).toEqual([30_000, 33_000, 33_001, 33_002, 39_000]);
  // Also over the wrap.
  const wrapped = { ...picture(0, 100), rtpTime: 10 };
  const late = { ...picture(0, 100), rtpTime: 2 ** 32 - 10 };
  const other = connect({ ...whole }).sender;
  expect([other.send(late), other.send(wrapped)]).toEqual([2 ** 32 - 10, 10]);
});
