// Publishes a camera or screen of this computer, with its sound if it has some, by WHIP (RFC 9725).
import { type OfferedSession, offerTo } from './whep.ts';

const CHANNEL = 'sluice';
/** A way that is lost for so long does not come back. */
const LOST_MS = 8000;
const CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

/** What the server says each second about what came. */
export interface ServerStatus {
  /** Pictures that came whole, and how many of them could not be decoded. */
  readonly received: number;
  readonly undecodable: number;
  /** Packets of sound that came. */
  readonly sound: number;
  /** Of the newest decoded picture; 0 before the first. */
  readonly width: number;
  readonly height: number;
  /** Frame id of the newest picture. */
  readonly id: number;
  /** Why the newest picture was not accepted, in a sentence; `null` = it was. */
  readonly refused: string | null;
}

/** What this browser sends, since the report before. */
export interface SentStatus {
  /** bit/s */
  readonly bitrate: number;
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  /** `null` = not known yet. */
  readonly rttMs: number | null;
  /** Share of packets lost, 0..1; `null` = not known yet. */
  readonly loss: number | null;
  /** Why pictures are smaller or fewer than asked for. */
  readonly limit: 'none' | 'cpu' | 'bandwidth' | 'other';
  /** Such as `H264`. */
  readonly codec: string;
}

export interface WhipOptions {
  /** Refuse (409 `publisher-busy`) instead of taking the stream over from another publisher. */
  readonly exclusive?: boolean;
  /** Most that the pictures may take, bit/s; default: as the browser likes. */
  readonly maxBitrate?: number;
  readonly signal?: AbortSignal;
  onServer?(status: ServerStatus): void;
}

export interface WhipPublisher {
  /** Settles with the reason when it has ended by itself: `null` = it was stopped. */
  readonly ended: Promise<string | null>;
  stop(): void;
  /** Sends another camera from now on, or the same with another size. */
  replace(track: MediaStreamTrack): Promise<void>;
  /** Most that the pictures may take from now on, bit/s. */
  limit(maxBitrate: number): Promise<void>;
  /** `null` before the first packet. Ask about once a second. */
  sent(): Promise<SentStatus | null>;
}

/**
 * Sends the video of a MediaStream, and its sound if it has some; both are played in step. Rejects with the reason in words: `RefusedOffer` if the server said no.
 *
 * @param address `…/live/{stream}/whip`
 */
export async function publishWhip(address: string, media: MediaStream, options: WhipOptions = {}): Promise<WhipPublisher> {
  const [track] = media.getVideoTracks();
  if (!track) throw new Error('there is no video to send');
  options.signal?.throwIfAborted();
  const peer = new RTCPeerConnection();
  const abort = new AbortController();
  const { promise: ended, resolve } = Promise.withResolvers<string | null>();
  let session: OfferedSession | null = null;
  let stopped = false;
  let why: string | null = null;
  let lost: ReturnType<typeof setTimeout> | undefined;
  const stop = (reason: string | null) => {
    if (stopped) return;
    stopped = true;
    why = reason;
    clearTimeout(lost);
    removeEventListener('pagehide', onLeave);
    options.signal?.removeEventListener('abort', onLeave);
    abort.abort();
    void Promise.resolve(session?.end()).finally(() => peer.close());
    resolve(reason);
  };
  const onLeave = () => stop(null);
  const onEnded = ({ currentTarget }: Event) => {
    if (currentTarget === sender.sender.track) stop('the camera or screen is no longer shared');
  };
  options.signal?.addEventListener('abort', onLeave, { once: true });
  const sender = peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
  // Where the browser can: the time of each picture goes with it.
  try {
    const extensions = sender as Partial<HeaderExtensions>;
    const all = extensions.getHeaderExtensionsToNegotiate?.();
    for (const extension of all ?? []) if (extension.uri === CAPTURE_TIME) extension.direction = 'sendrecv';
    if (all) extensions.setHeaderExtensionsToNegotiate?.(all);
  } catch {
    // Then the sender's reports tell it.
  }
  const [sound] = media.getAudioTracks();
  if (sound) peer.addTransceiver(sound, { direction: 'sendonly', streams: [media] });
  preferH264(sender);
  const channel = peer.createDataChannel(CHANNEL);
  channel.onmessage = (event: MessageEvent<unknown>) => {
    const news = readNews(event.data);
    if (news?.type === 'status') options.onServer?.(news);
    else if (news?.type === 'ended') stop(news.reason);
  };
  // From now on: what ends while the server still answers is told too.
  addEventListener('pagehide', onLeave);
  track.addEventListener('ended', onEnded);
  peer.addEventListener('connectionstatechange', () => {
    const { connectionState: state } = peer;
    clearTimeout(lost);
    if (state === 'failed') stop('no UDP packets get through between this browser and the server');
    else if (state === 'disconnected') lost = setTimeout(() => stop('the connection was lost'), LOST_MS);
    else if (state === 'closed') stop('the server ended the connection');
  });
  try {
    const query = options.exclusive ? `${address.includes('?') ? '&' : '?'}exclusive=1` : '';
    session = await offerTo(address + query, peer, abort.signal);
    await limit(sender.sender, options.maxBitrate);
  } catch (error) {
    stop(null);
    throw why === null ? error : new Error(why, { cause: error });
  }
  const meter = new SentMeter(peer);
  return {
    ended,
    stop: () => stop(null),
    replace: async (next) => {
      next.addEventListener('ended', onEnded);
      await sender.sender.replaceTrack(next);
    },
    limit: (maxBitrate) => limit(sender.sender, maxBitrate),
    sent: () => meter.read(),
  };
}

interface HeaderExtensions {
  getHeaderExtensionsToNegotiate(): { uri: string; direction: RTCRtpTransceiverDirection | 'stopped' }[];
  setHeaderExtensionsToNegotiate(extensions: { uri: string; direction: RTCRtpTransceiverDirection | 'stopped' }[]): void;
}

type News = ({ readonly type: 'status' } & ServerStatus) | { readonly type: 'ended'; readonly reason: string };

function readNews(data: unknown): News | null {
  if (typeof data !== 'string') return null;
  try {
    const news = JSON.parse(data) as News;
    return news.type === 'status' || (news.type === 'ended' && typeof news.reason === 'string') ? news : null;
  } catch {
    return null;
  }
}

/** Pictures keep their size: whoever looks through a microscope wants rather fewer than smaller ones. */
async function limit(sender: RTCRtpSender, maxBitrate: number | undefined): Promise<void> {
  const parameters = sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
  parameters.degradationPreference = 'maintain-resolution';
  const [encoding] = parameters.encodings;
  if (encoding && maxBitrate) encoding.maxBitrate = maxBitrate;
  // Firefox knows less of it; then the browser decides.
  await sender.setParameters(parameters).catch(() => {});
}

/** Turns the browser's counters into rates. */
class SentMeter {
  readonly #peer: RTCPeerConnection;
  #before: { bytes: number; frames: number; at: number } | null = null;

  constructor(peer: RTCPeerConnection) {
    this.#peer = peer;
  }

  async read(): Promise<SentStatus | null> {
    const report = await this.#peer.getStats().catch(() => null);
    let out: (RTCOutboundRtpStreamStats & { codecId?: string }) | null = null;
    let remote: { roundTripTime?: number; fractionLost?: number } | null = null;
    const codecs = new Map<string, string>();
    report?.forEach((entry: RTCStats & { kind?: string; mimeType?: string }) => {
      if (entry.type === 'outbound-rtp' && entry.kind === 'video') out = entry as RTCOutboundRtpStreamStats;
      else if (entry.type === 'remote-inbound-rtp' && entry.kind === 'video') remote = entry as typeof remote;
      else if (entry.type === 'codec') codecs.set(entry.id, entry.mimeType ?? '');
    });
    // What a callback assigned, TypeScript does not follow.
    const sent = out as (RTCOutboundRtpStreamStats & { codecId?: string }) | null;
    const far = remote as { roundTripTime?: number; fractionLost?: number } | null;
    if (!sent?.bytesSent) return null;
    const { bytesSent: bytes, framesEncoded: frames = 0, frameWidth = 0, frameHeight = 0, timestamp: at } = sent;
    const before = this.#before;
    if (!before || at > before.at) this.#before = { bytes, frames, at };
    const seconds = before ? Math.max(0.001, (at - before.at) / 1000) : 0;
    return {
      bitrate: before && seconds ? ((bytes - before.bytes) * 8) / seconds : 0,
      fps: before && seconds ? (frames - before.frames) / seconds : 0,
      width: frameWidth,
      height: frameHeight,
      rttMs: far?.roundTripTime === undefined ? null : far.roundTripTime * 1000,
      loss: far?.fractionLost ?? null,
      limit: (sent.qualityLimitationReason as SentStatus['limit'] | undefined) ?? 'none',
      codec: (codecs.get(sent.codecId ?? '') ?? '').replace('video/', ''),
    };
  }
}

function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const rank = ({ mimeType, sdpFmtpLine = '' }: RTCRtpCodec) =>
    /h264/i.test(mimeType) ? (/packetization-mode=1/.test(sdpFmtpLine) ? 0 : 1) : /vp8/i.test(mimeType) ? 2 : 3;
  transceiver.setCodecPreferences?.([...codecs].sort((a, b) => rank(a) - rank(b)));
}
