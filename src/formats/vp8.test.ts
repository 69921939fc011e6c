import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isVp8Key, packetizeVp8, readVp8Payload, Vp8Depacketizer } from './vp8.ts';

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

it('frames come out as they went in; one that misses a packet is given up and told', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 2, maxLength: 6 }),
      fc.integer({ min: 20, max: 120 }),
      fc.nat(),
      (frames, size, which) => {
        const packets = frames.flatMap((frame, timestamp) =>
          packetizeVp8(frame, timestamp, size).map((payload, i, all) => ({ timestamp, payload, marker: i === all.length - 1 })),
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

it('picture ids have 15 bits, and packets their size', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.nat(), fc.integer({ min: 5, max: 200 }), (frame, id, limit) => {
      const payloads = packetizeVp8(frame, id, limit);
      const read = payloads.map((payload) => readVp8Payload(payload)!);
      expect(read.map(({ first }) => first)).toEqual(payloads.map((_, i) => i === 0));
      expect(new Set(read.map(({ pictureId }) => pictureId))).toEqual(new Set([id & 0x7fff]));
      expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(limit);
      expect(read.flatMap(({ data }) => [...data])).toEqual([...frame]);
    }),
  );
});
