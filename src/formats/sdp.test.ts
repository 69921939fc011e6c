import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addCandidates, chooseH264, fmtpValue, readIceFragment, readSdp, withOnly, withStartRate } from './sdp.ts';

const OFFER = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 108
a=ice-ufrag:abcd
a=mid:0
a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=extmap:3/recvonly urn:example
a=recvonly
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
a=rtpmap:108 H264/90000
a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtcp-fb:* nack
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
`.replaceAll('\n', '\r\n');

it('reads sections, codecs and extensions of an offer', () => {
  const sdp = readSdp(OFFER)!;
  expect(sdp.iceUfrag).toBe('abcd');
  expect(sdp.media.map(({ kind, mid, direction }) => [kind, mid, direction])).toEqual([
    ['video', '0', 'recvonly'],
    ['application', '1', 'sendrecv'],
  ]);
  const [video] = sdp.media;
  expect(video!.extensions.get('http://www.webrtc.org/experiments/rtp-hdrext/playout-delay')).toBe(5);
  expect(video!.extensions.get('urn:example')).toBe(3);
  expect(video!.codecs.find(({ payloadType }) => payloadType === 96)!.feedback).toEqual(['nack pli', 'nack']);
  expect(chooseH264(video!)?.payloadType).toBe(108);
  expect(fmtpValue(video!.codecs[1]!.fmtp, 'packetization-mode')).toBe('1');
});

it('foreign text never throws, and is no description', () => {
  fc.assert(fc.property(fc.string({ maxLength: 500 }), (text) => void readSdp(text)));
  fc.assert(fc.property(fc.string({ maxLength: 500 }), (text) => void readSdp(`v=0\r\n${text}`)));
  expect(readSdp('hello')).toBeNull();
});

it('reads fragments of trickle ICE, whatever comes', () => {
  expect(
    readIceFragment('a=ice-ufrag:ab+c\r\nm=video 9 X 0\r\na=mid:v\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\n'),
  ).toEqual({
    ufrag: 'ab+c',
    candidates: [{ candidate: 'candidate:1 1 udp 1 10.0.0.1 9 typ host', mid: 'v' }],
  });
  expect(readIceFragment('a=end-of-candidates\r\n')).toEqual({ ufrag: null, candidates: [] });
  for (const wrong of ['', 'hello', '{"a":1}', 'v=0\r\na=mid:0\r\n']) expect(readIceFragment(wrong)).toBeNull();
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'am=:candidte \r\n') }), (text) => void readIceFragment(text)));
});

it('puts candidates behind those that are there, once', () => {
  const sdp = 'v=0\r\nm=video 9 X 0\r\na=candidate:1 host\r\na=x\r\nm=application 9 Y 0\r\n';
  const more = addCandidates(sdp, ['candidate:2 srflx', 'candidate:1 host']);
  expect(more).toBe('v=0\r\nm=video 9 X 0\r\na=candidate:1 host\r\na=candidate:2 srflx\r\na=x\r\nm=application 9 Y 0\r\n');
  expect(addCandidates('v=0\r\n', ['candidate:2 srflx'])).toBe('v=0\r\n');
});

it('the start rate goes to the codec of the answer, with parameters or without', () => {
  expect(withStartRate(OFFER, 108, 2500)).toContain('profile-level-id=42e01f;x-google-start-bitrate=2500\r\n');
  expect(withStartRate(OFFER, 96, 2500)).toContain('a=rtpmap:96 VP8/90000\r\na=fmtp:96 x-google-start-bitrate=2500\r\n');
  expect(withStartRate(OFFER, 50, 2500)).toBe(OFFER);
});

it('one section stays, the others are inactive, data channels are untouched', () => {
  const more = `${OFFER}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=recvonly\r\na=msid:x y\r\na=rtpmap:111 opus/48000/2\r\n`;
  const answer = withOnly(more, ['0']);
  expect(readSdp(answer)!.media.map(({ kind, direction }) => [kind, direction])).toEqual([
    ['video', 'recvonly'],
    ['application', 'sendrecv'],
    ['audio', 'inactive'],
  ]);
  expect(answer).not.toContain('msid:x');
  expect(withOnly(OFFER, ['0'])).toBe(OFFER);
});
