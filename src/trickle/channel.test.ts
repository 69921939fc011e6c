import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Channel, CURRENT, MAX_SEQ, NEXT } from './channel.ts';
import { TrickleChannels } from './channels.ts';
import type { SegmentInput } from './segment.ts';
import type { SegmentView } from './segment-view.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const channel = (limits = {}) => new TrickleChannels({ limits }).open('c', { contentType: 'video/mp2t' });

function put(to: Channel, seq: number, text: string): void {
  const input = to.write(seq);
  input.write(bytes(text));
  input.end();
}

function view(of: Channel, seq: number): SegmentView {
  const answer = of.read(seq);
  if (!answer.found) throw new Error(`segment ${seq} is not there, latest ${answer.latest}`);
  return answer.view;
}

function taken(from: SegmentView): string {
  let text = '';
  for (let chunk = from.take(); chunk; chunk = from.take()) text += new TextDecoder().decode(chunk);
  return text;
}

describe('a channel', () => {
  it('hands late and early readers the same bytes, in the same memory', () => {
    const c = channel();
    const early = view(c, 0);
    const input = c.write(0);
    const big = new Uint8Array(20_000).fill(7);
    input.write(big);
    const late = view(c, 0);
    expect(early.take()).toBe(big);
    expect(late.take()).toBe(big);
    input.write(bytes('tail'));
    input.end();
    expect([taken(early), taken(late)]).toEqual(['tail', 'tail']);
    expect([early.done, late.done]).toEqual([true, true]);
  });

  it('tells the next number from the first byte on, not from the connection', () => {
    const c = channel();
    const input = c.write(0);
    expect(c.latest).toBe(0);
    input.write(bytes('x'));
    expect(c.latest).toBe(1);
    const empty = c.write(NEXT);
    expect(empty.seq).toBe(1);
    expect(c.latest).toBe(1);
    empty.end();
    expect(c.latest).toBe(2);
    put(c, 7, 'gap');
    expect(c.latest).toBe(8);
    put(c, 2, 'begun anew');
    expect(c.latest).toBe(3);
  });

  it('starts readers at the next, the current or an exact segment, a little ahead and no further', () => {
    const c = channel();
    expect(c.read(5)).toEqual({ found: false, seq: 5, latest: 0 });
    expect([c.read(CURRENT), c.read(NEXT), c.read(1)].map(({ found, seq }) => [found, seq])).toEqual([
      [true, 0],
      [true, 0],
      [true, 1],
    ]);
    for (let seq = 0; seq < 7; seq++) put(c, seq, `s${seq}`);
    expect([0, 1, 2, 6, 7, 8].map((seq) => c.read(seq).found)).toEqual([false, false, true, true, true, false]);
    expect(taken(view(c, CURRENT))).toBe('s6');
    const preconnected = c.write(9);
    expect(c.read(9).found).toBe(true);
    preconnected.abort();
  });

  it('ends the segment five before when a place is taken, and does not let readers take places', () => {
    const c = channel();
    const slow = c.write(0);
    slow.write(bytes('abc'));
    const reader = view(c, 0);
    for (let seq = 1; seq < 5; seq++) put(c, seq, 'x');
    view(c, 5);
    expect(slow.write(bytes('d'))).toBe('taken');
    const closed: string[] = [];
    slow.onClosed = (end) => closed.push(end);
    c.write(5);
    expect(closed).toEqual(['rolled-over']);
    expect(slow.write(bytes('lost'))).toBe('closed');
    expect(taken(reader)).toBe('abcd');
    expect(reader.done).toBe(true);
    expect(reader.cut).toBe(false);
  });

  it('takes a body again after one that broke off, and refuses one after the end', () => {
    const c = channel();
    const first = c.write(0);
    first.write(bytes('Hello'));
    first.abort();
    put(c, 0, 'World');
    expect(taken(view(c, 0))).toBe('HelloWorld');
    expect(() => c.write(0)).toThrow('segment 0 is closed (complete); the next one is 1');
    expect(c.stats.refused).toBe(1);
  });

  it('keeps the first of two bodies for one number, whichever connected first', () => {
    const c = channel();
    const [idle, writes] = [c.write(0), c.write(0)];
    expect(writes.write(bytes('first'))).toBe('taken');
    expect(idle.write(bytes('second'))).toBe('busy');
    const closed: string[] = [];
    idle.onClosed = (end) => closed.push(end);
    writes.end();
    expect(closed).toEqual(['complete']);
    expect(taken(view(c, 0))).toBe('first');
  });

  it('lets the second body go on where the first broke off or fell silent', () => {
    let now = 0;
    const c = new TrickleChannels({ now: () => now }).open('c');
    const [a, b] = [c.write(0), c.write(0)];
    a.write(bytes('a'));
    expect(b.write(bytes('b'))).toBe('busy');
    let free = 0;
    b.onFree = () => free++;
    a.abort();
    expect(free).toBe(1);
    expect(b.write(bytes('b'))).toBe('taken');
    const d = c.write(0);
    now = 4000;
    expect(d.takeOver(5000)).toBe(false);
    now = 5000;
    expect(d.takeOver(5000)).toBe(true);
    expect(d.write(bytes('d'))).toBe('taken');
    expect(b.write(bytes('late'))).toBe('closed');
    d.end();
    expect(taken(view(c, 0))).toBe('abd');
  });

  it('drops a segment: waiting readers get its end, -1 passes over it', () => {
    const c = channel();
    const reader = view(c, 0);
    expect(c.drop(0)).toBe(true);
    expect([reader.done, reader.take()]).toEqual([true, null]);
    expect(c.latest).toBe(1);
    expect(c.write(NEXT).seq).toBe(1);
    expect(() => c.write(0)).toThrow('closed (dropped)');
    expect([c.drop(1), c.drop(6), c.drop(-1), c.drop(2 ** 60)]).toEqual([true, false, false, false]);
    expect(c.latest).toBe(2);
  });

  it.each<[string, object, (c: Channel) => unknown]>([
    ['dropped while it was awaited', {}, (c) => c.drop(3)],
    ['dropped while its publisher was connected', {}, (c) => c.drop(c.write(3).seq)],
    ['refused for its size', { segmentBytes: 5 }, (c) => c.write(3).write(bytes('123456'))],
    ['ended by a publisher that begins anew', {}, (c) => [c.write(3), c.write(5, { reset: true })]],
    ['ended, awaited, by a publisher that begins anew', {}, (c) => c.write(5, { reset: true })],
    ['there before the one in front of it', {}, (c) => [put(c, 4, 'four'), put(c, 3, 'three')]],
  ])('never tells a closed segment as the next: %s', (_how, limits, act) => {
    const c = channel(limits);
    for (let seq = 0; seq < 3; seq++) put(c, seq, 'x');
    const reader = view(c, 3);
    act(c);
    expect(reader.done || reader.take() !== null).toBe(true);
    reader.close();
    // Who goes on there waits for bytes: it would else find the end at once, over and over.
    const next = c.read(c.latest);
    expect(next.found && [next.view.done, next.view.segment.bytes]).toEqual([false, 0]);
    expect(c.latest).toBeGreaterThan(3);
  });

  it('lets a number be written that somebody has waited for in vain', () => {
    const c = channel();
    for (let seq = 0; seq < 3; seq++) put(c, seq, 'x');
    const vain = view(c, 3);
    c.write(8).abort();
    expect(vain.done).toBe(true);
    put(c, 3, 'three');
    expect(taken(view(c, 3))).toBe('three');
  });

  it('ends lower segments when a publisher begins anew', () => {
    const c = channel();
    const hanging = c.write(3);
    hanging.write(bytes('x'));
    const ahead = c.write(6);
    c.write(5, { reset: true });
    expect([hanging.segment.end, ahead.segment.end]).toEqual(['reset', null]);
  });

  it('frees the numbers that were used before for a publisher that begins anew', () => {
    const c = channel();
    for (let seq = 0; seq < 4; seq++) put(c, seq, `old ${seq}`);
    const reader = view(c, 2);
    expect(() => c.write(0)).toThrow('closed (complete)');
    const [ahead, first] = [c.write(4), c.write(0, { reset: true })];
    first.write(bytes('new 0'));
    first.end();
    put(c, 1, 'new 1');
    expect([ahead.segment.end, c.latest, taken(view(c, 0)), taken(view(c, 1)), taken(reader)]).toEqual([
      null,
      2,
      'new 0',
      'new 1',
      'old 2',
    ]);
    expect(c.read(3).found).toBe(false);
  });

  it('ends readers and writers when it is deleted', () => {
    const c = channel();
    put(c, 0, 'x');
    const pending = c.write(1);
    const reader = view(c, 1);
    c.close();
    expect([reader.done, c.latest, pending.write(bytes('y'))]).toEqual([true, 2, 'closed']);
    expect(c.read(2).found).toBe(false);
    expect(() => c.write(2)).toThrow('was deleted');
  });

  it.each([-2, -3, 0.5, Number.NaN, 2 ** 53, Number.MAX_SAFE_INTEGER])('refuses to write segment %s', (seq) => {
    expect(() => channel().write(seq)).toThrow('expected the number of a segment');
  });

  it('still tells the next number after the largest', () => {
    const c = channel();
    put(c, MAX_SEQ, 'x');
    expect(c.latest).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => c.write(NEXT)).toThrow('expected the number of a segment');
    expect(() => c.read(-3)).toThrow('expected the number of a segment');
    expect(c.read(NEXT).found).toBe(true);
  });

  it('closes a segment that grows too large, and counts it', () => {
    const c = channel({ segmentBytes: 10 });
    const input = c.write(0);
    expect([input.write(bytes('12345678')), input.write(bytes('12345')), input.write(bytes('1'))]).toEqual(['taken', 'full', 'closed']);
    expect(c.stats).toMatchObject({ bytes: 8, refused: 1, segments: 1, seq: 0 });
  });

  it('limits readers', () => {
    const c = channel({ readers: 2 });
    const [a] = [view(c, 0), view(c, 0)];
    expect(() => c.read(0)).toThrow('2 readers, as many as are allowed');
    a!.close();
    a!.close();
    expect(c.readers).toBe(1);
    view(c, 0);
  });

  it('cuts off readers that are a whole ring behind, nobody else, and holds no more memory for them', () => {
    const channels = new TrickleChannels();
    const c = channels.open('c');
    const big = () => new Uint8Array(10_000);
    const stuck: SegmentView[] = [];
    for (let seq = 0; seq < 30; seq++) {
      const input = c.write(seq);
      stuck.push(view(c, seq));
      const brisk = view(c, seq);
      input.write(big());
      input.end();
      while (brisk.take());
      expect(brisk.done).toBe(true);
      brisk.close();
    }
    expect(stuck.filter((one) => one.cut).length).toBe(20);
    expect(c.stats).toMatchObject({ cut: 20, readers: 10, held: 100_000 });
    for (const one of stuck) one.close();
    expect(channels.held).toBe(50_000);
    channels.close();
    expect(channels.held).toBe(0);
  });

  it('holds little memory for a segment that comes byte by byte', () => {
    const c = channel();
    const input = c.write(0);
    for (let i = 0; i < 5000; i++) input.write(new Uint8Array(65_536).subarray(0, 1));
    expect(c.stats.held).toBeLessThan(20_000);
    expect(taken(view(c, 0)).length).toBe(5000);
  });

  it('gives the same bytes to everybody, whatever the pieces and the pace', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.oneof(fc.nat(20), fc.nat(40_000)), read: fc.boolean() }), { maxLength: 30 }),
        async (pieces) => {
          const c = channel();
          const input = c.write(0);
          const slow = view(c, 0);
          const iterated = (async () => Buffer.concat(await Array.fromAsync(view(c, 0))))();
          const sent: Uint8Array[] = [];
          const got: Uint8Array[] = [];
          for (const [i, { size, read }] of pieces.entries()) {
            const piece = new Uint8Array(size).fill(i);
            sent.push(Uint8Array.from(piece));
            expect(input.write(piece)).toBe('taken');
            const chunk = read ? slow.take() : null;
            if (chunk) got.push(Uint8Array.from(chunk));
          }
          input.end();
          for (let chunk = slow.take(); chunk; chunk = slow.take()) got.push(Uint8Array.from(chunk));
          const whole = Buffer.concat(sent);
          expect(Buffer.compare(Buffer.concat(got), whole)).toBe(0);
          expect(Buffer.compare(await iterated, whole)).toBe(0);
          expect(c.stats.readers).toBe(1);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('keeps its figures right whatever is done in whatever order', () => {
    const step = fc.record({
      what: fc.constantFrom('write', 'bytes', 'end', 'abort', 'read', 'leave', 'drop', 'take'),
      seq: fc.integer({ min: -2, max: 12 }),
      pick: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const channels = new TrickleChannels({ limits: { readers: 6, segmentBytes: 40_000 } });
        const c = channels.open('c');
        const inputs: SegmentInput[] = [];
        const views: SegmentView[] = [];
        for (const { what, seq, pick } of steps) {
          try {
            if (what === 'write') inputs.push(c.write(seq));
            if (what === 'bytes') inputs[pick % inputs.length]?.write(new Uint8Array(1 + pick * 1000));
            if (what === 'end') inputs[pick % inputs.length]?.end();
            if (what === 'abort') inputs[pick % inputs.length]?.abort();
            if (what === 'read') {
              const answer = c.read(seq);
              if (answer.found) views.push(answer.view);
            }
            if (what === 'leave') views[pick % views.length]?.close();
            if (what === 'drop') c.drop(seq);
            if (what === 'take') views[pick % views.length]?.take();
          } catch (error) {
            expect(error).toMatchObject({ name: 'SluiceError' });
          }
          expect(c.readers).toBeLessThanOrEqual(6);
        }
        for (const one of views) one.close();
        expect(c.readers).toBe(0);
        channels.close();
        expect(channels.held).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
