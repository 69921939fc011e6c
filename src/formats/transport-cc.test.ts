import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRtcp } from './rtcp.ts';
import { readTransportFeedback } from './transport-cc.ts';

/** A feedback message by the draft: `arrivals` in units of 250 µs. Chunks are taken in turn from what `forms` asks for. */
function writeFeedback(base: number, arrivals: readonly (number | null)[], forms: readonly number[]): Uint8Array {
  const reference = Math.floor((arrivals.find((time) => time !== null) ?? 0) / 256);
  let time = reference * 256;
  const deltas: number[][] = [];
  const symbols = arrivals.map((arrival) => {
    if (arrival === null) return 0;
    const delta = arrival - time;
    time = arrival;
    const small = delta >= 0 && delta < 256;
    deltas.push(small ? [delta] : [(delta >> 8) & 0xff, delta & 0xff]);
    return small ? 1 : 2;
  });
  const chunks: number[] = [];
  for (let at = 0, turn = 0; at < symbols.length; turn++) {
    const form = forms[turn % forms.length]!;
    const seven = symbols.slice(at, at + 7);
    const fourteen = symbols.slice(at, at + 14);
    if (form === 1 && fourteen.every((symbol) => symbol < 2)) {
      chunks.push(fourteen.reduce((bits, symbol, i) => bits | (symbol << (13 - i)), 0x8000));
      at += 14;
    } else if (form === 2) {
      chunks.push(seven.reduce((bits, symbol, i) => bits | (symbol << (12 - 2 * i)), 0xc000));
      at += 7;
    } else {
      let run = 1;
      while (symbols[at + run] === symbols[at] && run < 0x1fff) run++;
      chunks.push((symbols[at]! << 13) | run);
      at += run;
    }
  }
  const body = [...chunks.flatMap((chunk) => [chunk >> 8, chunk & 0xff]), ...deltas.flat()];
  while (body.length % 4) body.push(0);
  const bytes = new Uint8Array(20 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80 | 15);
  view.setUint8(1, 205);
  view.setUint16(2, bytes.length / 4 - 1);
  view.setUint16(12, base);
  view.setUint16(14, arrivals.length);
  view.setUint32(16, ((reference << 8) | 7) >>> 0);
  bytes.set(body, 20);
  return bytes;
}

const arrivals = fc
  .array(fc.option(fc.integer({ min: -300, max: 30_000 }), { nil: null, freq: 4 }), { minLength: 1, maxLength: 300 })
  .map((deltas) => {
    let time = 1_000_000;
    return deltas.map((delta) => {
      if (delta === null) return null;
      time += delta;
      return time;
    });
  });

it('arrivals come back, whatever the form of the chunks', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff }),
      arrivals,
      fc.array(fc.constantFrom(0, 1, 2), { minLength: 1, maxLength: 4 }),
      (base, times, forms) => {
        expect(readRtcp(writeFeedback(base, times, forms))).toEqual([
          { type: 'transport', base, count: 7, arrivals: times.map((time) => (time === null ? null : time / 4)) },
        ]);
      },
    ),
  );
});

it('a message that is cut or lies about its length is none', () => {
  fc.assert(
    fc.property(arrivals, fc.nat(), (times, cut) => {
      const whole = writeFeedback(3, times, [2]);
      const bytes = whole.subarray(0, cut % whole.length);
      const read = readTransportFeedback(new DataView(bytes.buffer, 0, bytes.length), 0, bytes.length);
      // Padding may be missing.
      if (read) expect(read.arrivals).toEqual(times.map((time) => (time === null ? null : time / 4)));
    }),
  );
});

it('foreign bytes behind the head never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      const bytes = new Uint8Array(12 + body.length);
      bytes.set([0x8f, 205, 0, Math.floor(bytes.length / 4) - 1]);
      bytes.set(body, 12);
      const read = readTransportFeedback(new DataView(bytes.buffer), 0, bytes.length);
      if (read) for (const arrival of read.arrivals) expect(arrival === null || Number.isFinite(arrival)).toBe(true);
    }),
  );
});
