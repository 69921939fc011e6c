// A WHEP viewer without a browser, by node-datachannel: counts pictures and reads the data channel.
import ndc from 'node-datachannel';
import { readRtp } from '../src/formats/rtp.ts';

export interface WhepClientOptions {
  /** Opens the data channel `sluice`, with a ping each half second, as players do. Default true. */
  readonly channel?: boolean;
  /** Protocol of the data channel. */
  readonly protocol?: string;
  /** Codec of the offer, default H.264. */
  readonly codec?: 'H264' | 'VP8';
  readonly onMessage?: (message: { readonly type?: string; readonly [key: string]: unknown }) => void;
}

export interface WhepClient extends AsyncDisposable {
  readonly location: string;
  readonly etag: string;
  readonly answer: string;
  /** Pictures whose last packet came. */
  readonly pictures: number;
  readonly state: string;
  /** RTP time of the newest picture. */
  readonly rtpTime: number;
  /** Sends text on the data channel. */
  send(text: string): boolean;
  /** Stops the heartbeat and says nothing more. */
  fallSilent(): void;
}

let names = 0;

/** An offer as a browser makes it; candidates are left out: the server learns the address from the checks. */
export async function whepOffer(options: WhepClientOptions = {}) {
  const peer = new ndc.PeerConnection(`viewer-${++names}`, { iceServers: [], bindAddress: '127.0.0.1', disableAutoNegotiation: true });
  const video = new ndc.Video('0', 'RecvOnly');
  if (options.codec === 'VP8') video.addVP8Codec(96);
  else video.addH264Codec(96, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
  const track = peer.addTrack(video);
  const session = new ndc.RtcpReceivingSession();
  track.setMediaHandler(session);
  const channel =
    options.channel === false ? null : peer.createDataChannel('sluice', options.protocol ? { protocol: options.protocol } : {});
  const described = new Promise<string>((resolve) => peer.onLocalDescription((sdp) => resolve(sdp)));
  peer.setLocalDescription('offer');
  const sdp = (await described)
    .split('\r\n')
    .filter((line) => !line.startsWith('a=candidate:') && line !== 'a=end-of-candidates')
    .join('\r\n');
  return { peer, track, channel, sdp, keep: [track, video, session] };
}

/** Opens a viewer. Throws with the answer of the server if that is not 201. */
export async function whepClient(address: string, options: WhepClientOptions = {}): Promise<WhepClient> {
  const { peer, track, channel, sdp, keep } = await whepOffer(options);
  const state = { pictures: 0, rtpTime: 0, name: 'new' };
  peer.onStateChange((name) => {
    state.name = name;
  });
  track.onMessage((bytes) => {
    const packet = readRtp(new Uint8Array(bytes));
    if (!packet?.marker || packet.payloadType !== 96) return;
    state.pictures++;
    state.rtpTime = packet.timestamp;
  });
  channel?.onMessage((text) => {
    try {
      if (typeof text === 'string' && text !== 'pong') options.onMessage?.(JSON.parse(text));
    } catch {
      // A throw in here would end this process.
    }
  });
  const send = (text: string) => {
    try {
      return channel?.isOpen() === true && channel.sendMessage(text);
    } catch {
      return false;
    }
  };
  const beat = setInterval(() => send('ping'), 500);
  const response = await fetch(address, { method: 'POST', body: sdp, headers: { 'content-type': 'application/sdp' } });
  const answer = await response.text();
  const close = async () => {
    clearInterval(beat);
    channel?.close();
    peer.close();
  };
  if (response.status !== 201) {
    await close();
    throw new Error(`${response.status} ${answer}`);
  }
  peer.setRemoteDescription(answer, 'answer');
  return {
    location: new URL(response.headers.get('location')!, address).href,
    etag: response.headers.get('etag')!,
    answer,
    get pictures() {
      void keep;
      return state.pictures;
    },
    get state() {
      return state.name;
    },
    get rtpTime() {
      return state.rtpTime;
    },
    send,
    fallSilent: () => clearInterval(beat),
    [Symbol.asyncDispose]: close,
  };
}
