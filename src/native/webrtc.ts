// WebRTC by libdatachannel (node-datachannel): ICE, DTLS, SRTP, SCTP and sender reports. Only for the WebRTC process: in a worker
// thread a second start crashes, and an exception inside a callback ends the process, so every callback is wrapped.
import ndc from 'node-datachannel';
import { addCandidates, type Sdp, type SdpCodec, type SdpMedia } from '../formats/sdp.ts';
import { PublicAddress } from './public-address.ts';

export const PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
export const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
export const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
export const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';

/** Time for our candidates to be found, ms. Those of this machine are there at once. */
const GATHER_MS = 1500;
/** Sets of STUN servers. */
const MOST_ASKED = 8;
/** What the first viewers after the start wait at most for the address that others see us at, ms; later ones wait for nothing. */
const PUBLIC_MS = 200;

/** Texts between two looks at what waits in a data channel. */
const CLOG_CHECK = 8;

/** How the process reaches its peers. */
export interface WebRtcSettings {
  /** Address to listen on; `null` = all. */
  readonly address: string | null;
  /** The one UDP port for all peers. */
  readonly port: number;
  /** `stun:host:port`, `turn:user:password@host:port`. */
  readonly iceServers: readonly string[];
}

/** A track of ours in the answer. */
export interface SendTrack {
  readonly media: SdpMedia;
  readonly codec: SdpCodec;
  readonly ssrc: number;
  /** Of resends (RFC 4588); `null` = the offer has none. */
  readonly rtx: { readonly payloadType: number; readonly ssrc: number } | null;
  /** URIs of header extensions that we write, if the offer has them. */
  readonly extensions: readonly string[];
}

export interface PeerEvents {
  state(state: string): void;
  /** RTCP of a receiver, or RTP and RTCP of a sender. */
  packet(bytes: Uint8Array): void;
  /** The track may be written to. */
  open(): void;
  text(channel: string, text: string): void;
  channel(label: string, protocol: string): void;
}

type Connection = InstanceType<typeof ndc.PeerConnection>;
type Track = ReturnType<Connection['addTrack']>;
type Channel = ReturnType<Connection['createDataChannel']>;

function safe(work: () => void): void {
  try {
    work();
  } catch (error) {
    // A throw would end the process and every viewer's picture with it.
    process.stderr.write(`webrtc: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}

/** By the servers that are asked. */
const seenAt = new Map<string, PublicAddress>();
let base: WebRtcSettings | null = null;
/** When one was asked last. */
let askedAt = 0;

/** Prepares the library: certificate, threads and our public address are made ahead of the first viewer. */
export function startWebRtc(settings: WebRtcSettings): void {
  if (base) return;
  base = settings;
  ndc.initLogger('Fatal', () => {});
  ndc.preload();
  askPublicAddress(settings.iceServers);
}

/** Asks further STUN servers under which address others see us; those that are asked already are left alone, and there are few at all. */
export function askPublicAddress(servers: readonly string[]): void {
  const key = [...servers].sort().join(' ');
  if (!base || seenAt.has(key) || seenAt.size >= MOST_ASKED) return;
  seenAt.set(key, new PublicAddress({ ...base, iceServers: servers }));
  askedAt = performance.now();
}

/** Ends the library; all peers must be closed. */
export function stopWebRtc(): void {
  if (!base) return;
  base = null;
  for (const one of seenAt.values()) one[Symbol.dispose]();
  seenAt.clear();
  ndc.cleanup();
}

export class Peer {
  readonly #pc: Connection;
  readonly #events: PeerEvents;
  #track: Track | null = null;
  // The library keeps no references of its own to these.
  readonly #handlers: unknown[] = [];
  #config: InstanceType<typeof ndc.RtpPacketizationConfig> | null = null;
  #timestamp = -1;
  readonly #channels = new Map<string, Channel>();
  #texts = 0;
  #clogged = false;
  #closed = false;

  constructor(id: string, settings: WebRtcSettings, events: PeerEvents) {
    this.#events = events;
    this.#pc = new ndc.PeerConnection(id, {
      // Asked once for all: see PublicAddress.
      iceServers: [],
      ...(settings.address === null ? {} : { bindAddress: settings.address }),
      disableAutoNegotiation: true,
      enableIceUdpMux: true,
      portRangeBegin: settings.port,
      portRangeEnd: settings.port,
    });
    this.#pc.onStateChange((state) => safe(() => !this.#closed && events.state(state)));
    this.#pc.onDataChannel((channel) =>
      safe(() => {
        const label = channel.getLabel();
        this.#channels.set(label, channel);
        channel.onMessage((message) => safe(() => typeof message === 'string' && !this.#closed && events.text(label, message)));
        channel.onClosed(() => safe(() => this.#channels.delete(label)));
        events.channel(label, channel.getProtocol());
      }),
    );
  }

  /** Adds the track that we send. */
  addSendTrack({ media, codec, ssrc, rtx, extensions }: SendTrack): void {
    const video = new ndc.Video(media.mid, 'SendOnly');
    if (codec.name.toUpperCase() === 'H264') video.addH264Codec(codec.payloadType, codec.fmtp);
    else video.addVideoCodec(codec.payloadType, codec.name);
    video.addSSRC(ssrc, 'sluice', 'sluice', 'video');
    if (rtx) {
      video.addRTXCodec(rtx.payloadType, codec.payloadType, 90_000);
      video.addSSRC(rtx.ssrc, 'sluice', 'sluice', 'video');
      video.parseSdpLine(`a=ssrc-group:FID ${ssrc} ${rtx.ssrc}`);
    }
    if (extensions.includes(TRANSPORT_CC) && media.extensions.has(TRANSPORT_CC)) {
      video.parseSdpLine(`a=rtcp-fb:${codec.payloadType} transport-cc`);
    }
    for (const uri of extensions) {
      const id = media.extensions.get(uri);
      if (id !== undefined) video.parseSdpLine(`a=extmap:${id} ${uri}`);
    }
    const track = this.#pc.addTrack(video);
    this.#config = new ndc.RtpPacketizationConfig(ssrc, 'sluice', codec.payloadType, 90_000);
    const reporter = new ndc.RtcpSrReporter(this.#config);
    track.setMediaHandler(reporter);
    this.#handlers.push(video, reporter);
    this.#attach(track);
  }

  /** Adds a track that we receive. Its RTCP comes to `packet` as well, and what it is told goes out by `sendControl`. */
  addReceiveTrack({ media, codec, extensions }: Omit<SendTrack, 'ssrc' | 'rtx'>): void {
    const video = new ndc.Video(media.mid, 'RecvOnly');
    if (codec.name.toUpperCase() === 'H264') video.addH264Codec(codec.payloadType, codec.fmtp);
    else video.addVideoCodec(codec.payloadType, codec.name);
    for (const uri of extensions) {
      const id = media.extensions.get(uri);
      if (id !== undefined) video.parseSdpLine(`a=extmap:${id} ${uri}`);
    }
    this.#handlers.push(video);
    this.#attach(this.#pc.addTrack(video));
  }

  #attach(track: Track): void {
    this.#track = track;
    track.onMessage((bytes) => safe(() => !this.#closed && this.#events.packet(bytes)));
    track.onOpen(() => safe(() => !this.#closed && this.#events.open()));
    track.onError(() => {});
  }

  /** Applies the offer and gives the answer, with all candidates of ours. */
  async answer(offer: string, sdp: Sdp): Promise<string> {
    this.#pc.setRemoteDescription(withoutNames(offer), 'offer');
    this.#pc.setLocalDescription('answer');
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#pc.onGatheringStateChange((state) => safe(() => state === 'complete' && done()));
      if (this.#pc.gatheringState() === 'complete') done();
    });
    const waited = performance.now() - askedAt;
    if (waited < PUBLIC_MS) await Promise.all([...seenAt.values()].map((one) => one.known(PUBLIC_MS - waited)));
    const answer = this.#pc.localDescription();
    if (!answer) throw new Error(`no answer to an offer of ${sdp.media.length} sections`);
    return addCandidates(answer.sdp, [...new Set([...seenAt.values()].flatMap((one) => one.candidates))]);
  }

  addCandidate(candidate: string, mid: string): void {
    // Names of mDNS mean nothing here: the address is learned from the peer's own checks.
    if (/\.local\b/.test(candidate)) return;
    safe(() => this.#pc.addRemoteCandidate(candidate, mid));
  }

  /** Sends an RTP packet; the bytes are copied. `false` = not open or no room. */
  send(packet: Uint8Array, timestamp: number): boolean {
    if (this.#closed || !this.#track) return false;
    try {
      // Every further call into the library would cost as much for each packet and viewer. Sender reports need the time once per picture;
      // a track that is not open throws.
      if (this.#config && timestamp !== this.#timestamp) this.#config.timestamp = this.#timestamp = timestamp;
      return this.#track.sendMessageBinary(packet as Buffer);
    } catch {
      return false;
    }
  }

  /** Sends text on a data channel if it is open and not clogged. */
  sendText(label: string, text: string, limit = 65_536): boolean {
    const channel = this.#channels.get(label);
    try {
      if (this.#closed || !channel) return false;
      if (++this.#texts % CLOG_CHECK === 0) this.#clogged = channel.bufferedAmount() > limit;
      return !this.#clogged && channel.sendMessage(text);
    } catch {
      return false;
    }
  }

  /** Sends RTCP to a sender; the bytes are copied. */
  sendControl(bytes: Uint8Array): void {
    safe(() => void (this.#track?.isOpen() && this.#track.sendMessageBinary(Buffer.from(bytes))));
  }

  /** Round trip of the data channel's transport, ms; `null` if unknown. */
  get rttMs(): number | null {
    try {
      const rtt = this.#pc.rtt();
      return rtt > 0 ? rtt : null;
    } catch {
      return null;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    safe(() => {
      for (const channel of this.#channels.values()) channel.close();
      this.#track?.close();
      this.#pc.close();
    });
  }
}

/** The offer without candidates that are names. */
function withoutNames(offer: string): string {
  return offer
    .split(/\r?\n/)
    .filter((line) => !(line.startsWith('a=candidate:') && /\.local\b/.test(line)))
    .join('\r\n');
}
