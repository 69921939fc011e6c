// WebRTC by libdatachannel (node-datachannel): ICE, DTLS, SRTP and SCTP. Only for the WebRTC process: in a worker thread a second start
// crashes, and an exception inside a callback ends the process, so every callback is wrapped.
import ndc from 'node-datachannel';
import { addCandidates, type Sdp, type SdpCodec, type SdpMedia } from '../formats/sdp.ts';
import { PublicAddress } from './public-address.ts';

export const PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
export const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
export const ABS_CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
export const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';

/** Name of us as a sender, the same for all tracks (RFC 3550 6.5.1): by it receivers know whose clock both follow. */
export const CNAME = 'sluice';
const OPUS = 'minptime=10;useinbandfec=1;stereo=1';
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

/** A track of pictures or sound that we send: its section of the answer. */
export interface SendTrack {
  readonly media: SdpMedia;
  readonly codec: SdpCodec;
  readonly ssrc: number;
  /** Of resends (RFC 4588); `null` = the offer has none. */
  readonly rtx: { readonly payloadType: number; readonly ssrc: number } | null;
  /** URIs of header extensions that we write, if the offer has them. */
  readonly extensions: readonly string[];
}

/** One track of a connection. */
export interface PeerTrack {
  /** Sends an RTP packet; the bytes are copied. `false` = not open or no room. */
  send(packet: Uint8Array): boolean;
  /** Sends RTCP; the bytes are copied. */
  sendControl(bytes: Uint8Array): void;
}

/** What a track tells. */
export interface TrackEvents {
  /** RTCP of a receiver, or RTP and RTCP of a sender. What speaks of several tracks comes to each of them. */
  packet(bytes: Uint8Array): void;
  /** It may be written to. */
  open?(): void;
}

export interface PeerEvents {
  state(state: string): void;
  text(channel: string, text: string): void;
  channel(label: string, protocol: string): void;
}

type Connection = InstanceType<typeof ndc.PeerConnection>;
type Track = ReturnType<Connection['addTrack']>;
type Channel = ReturnType<Connection['createDataChannel']>;
type Section = InstanceType<typeof ndc.Video> | InstanceType<typeof ndc.Audio>;

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
  readonly #tracks: Track[] = [];
  // The library keeps no references of its own to these.
  readonly #handlers: unknown[] = [];
  readonly #channels = new Map<string, Channel>();
  #texts = 0;
  #clogged = false;
  #closed = false;

  constructor(id: string, settings: WebRtcSettings, events: PeerEvents) {
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

  /** Adds a track that we send; all of them are one stream to the receiver, so that it shows pictures with their sound. */
  addSendTrack({ media, codec, ssrc, rtx, extensions }: SendTrack, events: TrackEvents): PeerTrack {
    const section = describe(media, codec, 'SendOnly');
    section.addSSRC(ssrc, CNAME, 'sluice', media.kind);
    if (rtx) {
      section.addRTXCodec(rtx.payloadType, codec.payloadType, 90_000);
      section.addSSRC(rtx.ssrc, CNAME, 'sluice', media.kind);
      section.parseSdpLine(`a=ssrc-group:FID ${ssrc} ${rtx.ssrc}`);
    }
    if (extensions.includes(TRANSPORT_CC) && media.extensions.has(TRANSPORT_CC)) {
      section.parseSdpLine(`a=rtcp-fb:${codec.payloadType} transport-cc`);
    }
    return this.#add(section, media, extensions, events);
  }

  /** Adds a track that we receive. */
  addReceiveTrack({ media, codec, extensions }: Omit<SendTrack, 'ssrc' | 'rtx'>, events: TrackEvents): PeerTrack {
    return this.#add(describe(media, codec, 'RecvOnly'), media, extensions, events);
  }

  #add(section: Section, media: SdpMedia, extensions: readonly string[], events: TrackEvents): PeerTrack {
    for (const uri of extensions) {
      const id = media.extensions.get(uri);
      if (id !== undefined) section.parseSdpLine(`a=extmap:${id} ${uri}`);
    }
    const track = this.#pc.addTrack(section);
    this.#handlers.push(section);
    this.#tracks.push(track);
    track.onMessage((bytes) => safe(() => !this.#closed && events.packet(bytes)));
    track.onOpen(() => safe(() => !this.#closed && events.open?.()));
    track.onError(() => {});
    return {
      send: (packet) => {
        if (this.#closed) return false;
        try {
          // A track that is not open throws.
          return track.sendMessageBinary(packet as Buffer);
        } catch {
          return false;
        }
      },
      sendControl: (bytes) => safe(() => void (!this.#closed && track.isOpen() && track.sendMessageBinary(Buffer.from(bytes)))),
    };
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
      for (const track of this.#tracks) track.close();
      this.#pc.close();
    });
  }
}

/** A section of the answer with its one codec. */
function describe(media: SdpMedia, { name, payloadType, fmtp }: SdpCodec, direction: 'SendOnly' | 'RecvOnly'): Section {
  if (media.kind === 'audio') {
    const audio = new ndc.Audio(media.mid, direction);
    // Of what we receive, it says what we take (RFC 7587 6.1).
    audio.addOpusCodec(payloadType, direction === 'SendOnly' && fmtp ? fmtp : OPUS);
    return audio;
  }
  const video = new ndc.Video(media.mid, direction);
  if (name.toUpperCase() === 'H264') video.addH264Codec(payloadType, fmtp);
  else video.addVideoCodec(payloadType, name);
  return video;
}

/** The offer without candidates that are names. */
function withoutNames(offer: string): string {
  return offer
    .split(/\r?\n/)
    .filter((line) => !(line.startsWith('a=candidate:') && /\.local\b/.test(line)))
    .join('\r\n');
}
