import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isVp8Key, readVp8Payload, Vp8Depacketizer } from './vp8.ts';

it('foreign bytes never throw', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (payloads) => {
      const depacketizer = new Vp8Depacketizer();
      for (const [i, payload] of payloads.entries()) {
        readVp8Payload(payload);
        isVp8Key(payload);
        depacketizer.push({ sequence: i, timestamp: i >> 1, marker: i % 2 === 1, payload });
      }
    }),
  );
});

/** Payloads of a frame, with a picture id of 15 bits as browsers write it (RFC 7741 4.2). */
const payloadsOf = (frame: Uint8Array, size: number) =>
  Array.from({ length: Math.max(1, Math.ceil(frame.length / size)) }, (_, i) =>
    Uint8Array.of(0x80 | (i === 0 ? 0x10 : 0), 0x80, 0x80 | 1, 2, ...frame.subarray(i * size, (i + 1) * size)),
  );

it('frames come out as they went in; one that misses a packet is given up and told', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 2, maxLength: 6 }),
      fc.integer({ min: 20, max: 120 }),
      fc.nat(),
      (frames, size, which) => {
        const packets = frames.flatMap((frame, timestamp) =>
          payloadsOf(frame, size).map((payload, i, all) => ({ timestamp, payload, marker: i === all.length - 1 })),
        );
        const lost = which % packets.length;
        const depacketizer = new Vp8Depacketizer();
        const whole = new Map<number, number[]>();
        let told = false;
        for (const [i, packet] of packets.entries()) {
          if (i === lost) continue;
          const out = depacketizer.push({ sequence: (65_530 + i) & 0xffff, ...packet });
          if (out === 'lost') told = true;
          else if (out) whole.set(out.timestamp, [...out.frame]);
        }
        const missed = packets[lost]!.timestamp;
        const heardBefore = lost > 0;
        for (const [timestamp, frame] of frames.entries()) {
          if (timestamp === missed) expect(whole.has(timestamp)).toBe(false);
          // The first one behind the loss needs the missing one, and says so; what comes then is the reader's choice.
          else if (timestamp === missed + 1 && heardBefore && !whole.has(timestamp)) expect(told).toBe(true);
          else expect(whole.get(timestamp)).toEqual([...frame]);
        }
        if (heardBefore && missed < frames.length - 1) expect(told).toBe(true);
      },
    ),
  );
});
