import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RtpPacket } from './rtp.ts';
import { RtpOrder } from './rtp-order.ts';

const packet = (sequence: number): RtpPacket => ({
  sequence: sequence & 0xffff,
  timestamp: 0,
  marker: false,
  payloadType: 96,
  ssrc: 1,
  extensions: [],
  payload: new Uint8Array(1),
});

it('whatever the order within some packets, they come out in order, each once, over the wrap of the numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 5, maxLength: 60 }), (jitter) => {
      const order = new RtpOrder();
      const first = 65_520;
      const arriving = jitter.map((late, i) => ({ i, at: i === 0 ? -1 : i + late })).sort((a, b) => a.at - b.at || a.i - b.i);
      const out = arriving.flatMap(({ i, at }) => [
        ...order.push(packet(first + i), at).packets,
        ...order.push(packet(first + i), at).packets,
      ]);
      expect(out.map(({ sequence }) => (sequence - first) & 0xffff)).toEqual(jitter.map((_, i) => i));
    }),
  );
});

it('what is missing is asked for once, and given up after a while', () => {
  const order = new RtpOrder();
  order.push(packet(10), 0);
  expect(order.push(packet(13), 1)).toEqual({ packets: [], missing: [11, 12] });
  expect(order.push(packet(14), 2)).toEqual({ packets: [], missing: [] });
  expect(order.push(packet(11), 3).packets.map(({ sequence }) => sequence)).toEqual([11]);
  expect(order.push(packet(15), 200).packets.map(({ sequence }) => sequence)).toEqual([13, 14, 15]);
});
