import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nalsOf } from './h264.ts';
import { H264Depacketizer, isRtcp, MAX_PAYLOAD, packetizeH264, parameterSets, readRtp, writeRtp } from './rtp.ts';

const nal = fc
  .tuple(fc.constantFrom(0x65, 0x41, 0x06, 0x67, 0x68), fc.uint8Array({ minLength: 1, maxLength: 5000 }))
  .map(([head, body]) => Uint8Array.of(head, ...body));

it('what is written is read back, with extensions', () => {
  const header = fc.record({
    marker: fc.boolean(),
    payloadType: fc.integer({ min: 0, max: 127 }),
    sequence: fc.integer({ min: 0, max: 0xffff }),
    timestamp: fc.integer({ min: 0, max: 0xffffffff }),
    ssrc: fc.integer({ min: 0, max: 0xffffffff }),
    extensions: fc.array(fc.record({ id: fc.integer({ min: 1, max: 14 }), data: fc.uint8Array({ minLength: 1, maxLength: 16 }) }), {
      maxLength: 3,
    }),
  });
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 200 }), (head, payload) => {
      expect(readRtp(writeRtp(head, payload))).toEqual({ ...head, payload });
    }),
  );
});

it('foreign bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readRtp(bytes);
      isRtcp(bytes);
      Array.from(nalsOf(bytes));
      parameterSets(bytes);
      const depacketizer = new H264Depacketizer();
      depacketizer.push({ sequence: 1, timestamp: 1, marker: true, payload: bytes });
    }),
  );
});

it('pictures come out of the packets as they went in, whatever their sizes', () => {
  fc.assert(
    fc.property(fc.array(fc.array(nal, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), (pictures) => {
      const depacketizer = new H264Depacketizer();
      let sequence = 65_530;
      for (const [i, nals] of pictures.entries()) {
        const payloads = packetizeH264(nals);
        for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD);
        let out: ReturnType<H264Depacketizer['push']> = null;
        for (const [n, payload] of payloads.entries()) {
          out = depacketizer.push({ sequence: sequence++ & 0xffff, timestamp: i, marker: n === payloads.length - 1, payload });
        }
        expect(out).toEqual({ nals, timestamp: i });
      }
    }),
  );
});

it('a picture that misses a packet is given up, the next one is whole', () => {
  const picture = [Uint8Array.of(0x65, ...new Uint8Array(4000).fill(7))];
  const payloads = packetizeH264(picture);
  for (let missing = 0; missing < payloads.length; missing++) {
    const depacketizer = new H264Depacketizer();
    let sequence = 0;
    const results: ReturnType<H264Depacketizer['push']>[] = [];
    for (const timestamp of [1, 2, 3]) {
      for (const [n, payload] of payloads.entries()) {
        const lost = timestamp === 2 && n === missing;
        if (!lost) results.push(depacketizer.push({ sequence, timestamp, marker: n === payloads.length - 1, payload }));
        sequence++;
      }
    }
    const whole = results.filter((result) => result !== null && result !== 'lost');
    expect(whole.map((result) => (typeof result === 'object' ? result?.timestamp : 0))).toEqual([1, 3]);
    expect(results).toContain('lost');
  }
});
