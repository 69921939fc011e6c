// The least that sending RTP by libdatachannel costs from Node: constant packets to every viewer, nothing read, nothing counted, no resends.
// What our own WebRTC viewers are held against.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import ndc from 'node-datachannel';
import { readSdp } from '../../src/formats/sdp.ts';
import { childArgument, serveParent } from '../child.ts';

const { packets, bytes, fps } = childArgument<{
  /** Of a picture. */
  readonly packets: number;
  /** Of a packet. */
  readonly bytes: number;
  readonly fps: number;
}>();

const PAYLOAD_TYPE = 102;
const SSRC = 1;

ndc.initLogger('Fatal', () => {});
ndc.preload();

interface Viewer {
  readonly pc: InstanceType<typeof ndc.PeerConnection>;
  readonly track: InstanceType<typeof ndc.Track>;
  /** The library keeps no reference of its own. */
  readonly keep: unknown;
  open: boolean;
}

const viewers = new Map<string, Viewer>();
let made = 0;

async function answer(offer: string): Promise<{ id: string; sdp: string }> {
  const id = String(++made);
  const media = readSdp(offer)!.media[0]!;
  const pc = new ndc.PeerConnection(id, { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true });
  const video = new ndc.Video(media.mid, 'SendOnly');
  video.addH264Codec(PAYLOAD_TYPE, media.codecs[0]!.fmtp);
  video.addSSRC(SSRC, 'floor', 'floor', 'video');
  const track = pc.addTrack(video);
  const viewer: Viewer = { pc, track, keep: video, open: false };
  track.onOpen(() => {
    viewer.open = true;
  });
  pc.onStateChange((state) => {
    if (state !== 'connected' && state !== 'connecting') viewer.open = false;
  });
  pc.setRemoteDescription(offer, 'offer');
  pc.setLocalDescription('answer');
  while (pc.gatheringState() !== 'complete') await new Promise((resolve) => setTimeout(resolve, 5));
  viewers.set(id, viewer);
  return { id, sdp: pc.localDescription()!.sdp };
}

const http = createServer((request, response) => {
  if (request.method === 'DELETE') {
    const id = request.url!.slice(1);
    const viewer = viewers.get(id);
    viewers.delete(id);
    viewer?.pc.close();
    response.end();
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => (body += text));
  request.on('end', () => {
    answer(body).then(
      ({ id, sdp }) => response.writeHead(201, { location: `/${id}` }).end(sdp),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
});
await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));

const packet = Buffer.alloc(bytes, 0x55);
packet[0] = 0x80;
packet.writeUInt32BE(SSRC, 8);
let sequence = 0;
let time = 0;
const timer = setInterval(() => {
  time += 90_000 / fps;
  packet.writeUInt32BE(Math.round(time) % 2 ** 32, 4);
  for (const { track, open } of viewers.values()) {
    if (!open) continue;
    for (let i = 0; i < packets; i++) {
      packet[1] = (i === packets - 1 ? 0x80 : 0) | PAYLOAD_TYPE;
      packet.writeUInt16BE((sequence + i) & 0xffff, 2);
      track.sendMessageBinary(packet);
    }
  }
  sequence += packets;
}, 1000 / fps);

const methods = { url: () => `http://127.0.0.1:${(http.address() as AddressInfo).port}/` };

export type FloorMethods = typeof methods;

serveParent(methods, () => {
  clearInterval(timer);
  for (const { pc } of viewers.values()) pc.close();
  http.closeAllConnections();
  http.close();
  ndc.cleanup();
});
