// What a viewer of WebRTC can know about time: by the sender reports alone, the beep lies on the whole second of the capture clock, and so do
// the pictures. Independent of how busy the machine is.
import ndc from 'node-datachannel';
import { expect, it } from 'vitest';
import { readRtcp } from '../src/formats/rtcp.ts';
import { isRtcp, type RtpPacket, readRtp } from '../src/formats/rtp.ts';
import { OpusDecoder } from '../src/native/opus-decode.ts';
import { testServer } from './server.ts';

const FPS = 20;

interface Received {
  readonly packets: RtpPacket[];
  /** NTP time, µs since the Unix epoch, and the RTP time of the same moment. */
  readonly reports: { readonly time: number; readonly rtpTime: number }[];
}

/** Moment of an RTP time by the newest report, µs. */
function momentOf({ reports }: Received, rtpTime: number, rate: number): number {
  const { time, rtpTime: reported } = reports.at(-1)!;
  return time + (((rtpTime - reported) | 0) * 1e6) / rate;
}

it('RTP times of sound and pictures are moments of one clock', { timeout: 120_000 }, async () => {
  const source = { type: 'pattern', width: 64, height: 48, fps: FPS, audio: true } as const;
  await using server = await testServer({ streams: { beat: { source } } });
  const peer = new ndc.PeerConnection('sound-clock', { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true });
  const collect = (media: InstanceType<typeof ndc.Video> | InstanceType<typeof ndc.Audio>) => {
    const received: Received = { packets: [], reports: [] };
    const track = peer.addTrack(media);
    track.onMessage((message) => {
      const bytes = new Uint8Array(message);
      const packet = isRtcp(bytes) ? null : readRtp(bytes);
      if (packet) received.packets.push(packet);
      else for (const one of readRtcp(bytes)) if (one.type === 'sender-report') received.reports.push(one);
    });
    return { received, keep: [track, media] };
  };
  const video = new ndc.Video('0', 'RecvOnly');
  video.addH264Codec(96, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
  const audio = new ndc.Audio('1', 'RecvOnly');
  audio.addOpusCodec(111);
  const pictures = collect(video);
  const sound = collect(audio);
  const described = new Promise<string>((resolve) => peer.onLocalDescription((sdp) => resolve(sdp)));
  peer.setLocalDescription('offer');
  const offer = (await described).replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
  const answer = await server.fetch('live/beat/whep', { method: 'POST', body: offer, headers: { 'content-type': 'application/sdp' } });
  expect(answer.status).toBe(201);
  peer.setRemoteDescription(await answer.text(), 'answer');
  await expect.poll(() => sound.received.packets.length, { timeout: 60_000 }).toBeGreaterThan(130);
  await expect
    .poll(() => Math.min(pictures.received.reports.length, sound.received.reports.length), { timeout: 60_000 })
    .toBeGreaterThan(1);
  peer.close();
  expect([pictures.keep, sound.keep]).toHaveLength(2);

  // Pictures of the pattern are planned on the grid of its rate.
  const grid = 1e6 / FPS;
  const off = (moment: number, step: number) => Math.abs(moment - Math.round(moment / step) * step);
  for (const { timestamp } of pictures.received.packets)
    expect(off(momentOf(pictures.received, timestamp, 90_000), grid)).toBeLessThan(500);
  // The first loud sample behind silence.
  using decoder = await OpusDecoder.open(2);
  const onsets: number[] = [];
  let quiet = 0;
  let next: number | null = null;
  for (const { payload, timestamp, sequence } of sound.received.packets) {
    // Behind a lost packet nothing is sure for a while.
    if (next !== null && sequence !== next) quiet = 0;
    next = (sequence + 1) & 0xffff;
    const samples = decoder.decode(payload) ?? new Int16Array();
    for (let i = 0; i < samples.length; i += 2) {
      if (Math.abs(samples[i]!) < 6000) quiet++;
      else {
        if (quiet > 24_000) onsets.push(momentOf(sound.received, (timestamp + i / 2) >>> 0, 48_000));
        quiet = 0;
      }
    }
  }
  if (process.env.SOUND_CLOCK)
    console.log(
      onsets.map((moment) => (moment - Math.round(moment / 1e6) * 1e6) / 1000),
      'ms',
    );
  expect(onsets.length).toBeGreaterThan(0);
  for (const moment of onsets) expect(off(moment, 1e6)).toBeLessThan(3000);
});
