import { expect, it } from 'vitest';
import { pathOf, selectedPair, WebRtcFigures } from './webrtc-stats.ts';

const video = (count: number, delay: number) => ({
  type: 'inbound-rtp',
  kind: 'video',
  bytesReceived: 1000,
  headerBytesReceived: 240,
  packetsReceived: 20,
  packetsLost: 2,
  retransmittedPacketsReceived: 1,
  nackCount: 3,
  framesDropped: 4,
  jitter: 0.002,
  jitterBufferDelay: delay,
  jitterBufferEmittedCount: count,
});
const transport = { type: 'transport', selectedCandidatePairId: 'P2' };
const pairs = [
  { type: 'candidate-pair', id: 'P1', nominated: true, localCandidateId: 'L1', remoteCandidateId: 'R1' },
  { type: 'candidate-pair', id: 'P2', nominated: true, localCandidateId: 'L2', remoteCandidateId: 'R1', currentRoundTripTime: 0.004 },
];
const ends = [
  { type: 'local-candidate', id: 'L1', candidateType: 'host', protocol: 'udp' },
  { type: 'local-candidate', id: 'L2', candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' },
  { type: 'remote-candidate', id: 'R1', candidateType: 'host', protocol: 'udp' },
];

it('before there is video there are no figures', () => {
  expect(new WebRtcFigures().read([transport, ...pairs], 0)).toBeNull();
});

it('counts as the browser counts; the jitter buffer is that of the time since the report before', () => {
  const figures = new WebRtcFigures();
  const first = figures.read([video(100, 2), transport, ...pairs, ...ends], 1000)!;
  expect(first).toMatchObject({ atMs: 1000, bytes: 1240, dropped: 4, bufferedSeconds: 0.02 });
  expect(first.network).toEqual({
    packets: 20,
    lost: 2,
    resends: 1,
    nacks: 3,
    jitterMs: 2,
    bufferMs: 20,
    roundTripMs: 4,
    path: 'TCP through a relay',
  });
  expect(figures.read([video(150, 7)], 2000)!.network!.bufferMs).toBeCloseTo(100);
  // No picture came since: the last one known stays.
  expect(figures.read([video(150, 7)], 3000)!.network!.bufferMs).toBeCloseTo(100);
});

it('the way is that of the pair in use', () => {
  expect(selectedPair([...pairs])?.id).toBe('P1');
  expect(pathOf(selectedPair([...pairs]), ends)).toBe('UDP');
  expect(pathOf(undefined, ends)).toBe('UDP');
});
