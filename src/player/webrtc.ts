// WebRTC by WHEP: the lowest latency. Sound is sent only while it is heard: with sound the browser holds pictures back until theirs is there. Which frame a picture is comes over the data channel, keyed by the RTP timestamp that the browser tells
// with each picture; a heartbeat on the same channel notices a dead server long before ICE does.
import { applySound } from './media-sound.ts';
import type { PictureQuality, ShownFrame, Transport, TransportContext, TransportStats } from './transport.ts';
import { VideoPicture } from './video-picture.ts';
import { WebRtcFigures } from './webrtc-stats.ts';
import { type OfferedSession, offerTo, RefusedOffer } from './whep.ts';

const CHANNEL = 'sluice';
/** Nothing heard so long after the answer: this way does not get through. */
const FIRST_MS = 2500;
const NO_UDP = 'no UDP packets get through between this browser and the server';
const BEAT_MS = 400;
/** How often the browser is asked about the connection. */
const READ_MS = 1000;
/** Silence of the data channel for so long: the server or the way to it is gone. */
const SILENT_MS = 1500;
/** After a halt names of pictures are waited for so long; where the last picture has none then, which a busy page reads late, up to the most. */
const LAST_NAMES_MS = 250;
const LAST_NAMES_MOST_MS = 3000;
/** How often it is looked whether sound comes, where there are no pictures, and how often its level is asked for. */
const SOUND_MS = 150;
/** Identities kept for pictures that are still to be shown. */
const MAX_ROWS = 600;

/** Why it cannot be used here, as a clause. */
export function webRtcUnusable(): string | null {
  if (!('RTCPeerConnection' in globalThis)) return 'this browser has no WebRTC';
  if (!('requestVideoFrameCallback' in HTMLVideoElement.prototype)) return 'this browser does not tell which picture it shows';
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  return codecs && !codecs.some(({ mimeType }) => /h264|vp8/i.test(mimeType)) ? 'this browser has neither H.264 nor VP8 for WebRTC' : null;
}

export async function openWebRtc(context: TransportContext): Promise<Transport> {
  return new WebRtcTransport(context);
}

interface Row extends ShownFrame {
  readonly repeat: boolean;
}

class WebRtcTransport implements Transport {
  readonly picture = document.createElement('video');
  readonly dvr = null;
  readonly #pictureNow = new VideoPicture(this.picture);
  readonly #context: TransportContext;
  readonly #peer = new RTCPeerConnection();
  readonly #channel: RTCDataChannel;
  readonly #sound: RTCRtpTransceiver;
  /** Whether sound is wanted, and what the server was told last of that. */
  #hears: boolean;
  #told: boolean;
  #level: number | null = null;
  #soundPackets = 0;
  readonly #soundTimer: ReturnType<typeof setInterval>;
  #wantsLevelMs = Number.NEGATIVE_INFINITY;
  readonly #rows = new Map<number, Row>();
  readonly #timer: ReturnType<typeof setInterval>;
  /** When the answer was there. */
  #answeredMs: number | null = null;
  readonly #abort = new AbortController();
  #session: OfferedSession | null = null;
  #heard: number | null = null;
  #unnamed: { rtp: number; atMs: number } | null = null;
  #readMs = 0;
  #halted = false;
  /** Set from the halt on, until nothing more can come. */
  #lastNames: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  readonly #figures = new WebRtcFigures();
  #quality: PictureQuality | null = null;
  #stats: Omit<TransportStats, 'quality'> = {
    atMs: performance.now(),
    bytes: 0,
    dropped: 0,
    decoder: 'WebRTC',
    bufferedSeconds: null,
    playbackRate: 1,
    network: null,
  };

  constructor(context: TransportContext) {
    this.#context = context;
    const video = this.picture;
    video.muted = context.muted;
    video.volume = context.volume;
    video.playsInline = true;
    video.disableRemotePlayback = true;
    this.#peer.addTransceiver('video', { direction: 'recvonly' });
    this.#sound = this.#peer.addTransceiver('audio', { direction: 'recvonly' });
    this.#hears = this.#told = !context.muted || context.soundOnly();
    this.#channel = this.#peer.createDataChannel(CHANNEL);
    this.#channel.onopen = () => this.#tellHears();
    this.#channel.onmessage = (event: MessageEvent<unknown>) => typeof event.data === 'string' && this.#onText(event.data);
    this.#peer.ontrack = ({ track, streams }) => {
      if (video.srcObject) return;
      video.srcObject = streams[0] ?? new MediaStream([track]);
      video.play().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === 'NotAllowedError' && !this.#halted) context.events.blocked();
      });
    };
    this.#peer.onconnectionstatechange = () => {
      const { connectionState: state } = this.#peer;
      if (state === 'failed') this.#fail('lost', NO_UDP);
      else if (state === 'disconnected' || state === 'closed') this.#fail('lost', 'the connection was lost');
    };
    let hasUdp = false;
    this.#peer.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.candidate) hasUdp ||= candidate.protocol === 'udp' || candidate.type === 'relay';
      // The end of gathering: a policy, an extension or a firewall on this computer leaves no way.
      else if (!hasUdp && this.#peer.iceGatheringState === 'complete') this.#fail('unusable', 'this browser may not send UDP packets');
    });
    video.requestVideoFrameCallback(this.#onFrame);
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#soundTimer = setInterval(() => void this.#lookAtSound(), SOUND_MS);
    addEventListener('pagehide', this.#bye);
    void this.#connect();
  }

  halt(): void {
    if (this.#halted) return;
    this.#halted = true;
    clearInterval(this.#timer);
    clearInterval(this.#soundTimer);
    this.#abort.abort();
    // The last picture stays: a video that stands, and then a track that ends, leave it on the screen. Its name may be on its way.
    this.picture.pause();
    const haltedMs = performance.now();
    const look = () => {
      if (this.frameNow() !== null || performance.now() - haltedMs > LAST_NAMES_MOST_MS) this.#end();
      else this.#lastNames = setTimeout(look, LAST_NAMES_MS);
    };
    this.#lastNames = setTimeout(look, LAST_NAMES_MS);
  }

  close(): void {
    this.halt();
    this.#end();
    this.picture.srcObject = null;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#lastNames);
    removeEventListener('pagehide', this.#bye);
    // Its end is told before the connection goes, or the server would not know the session any more when it is told.
    void this.#bye().finally(() => this.#peer.close());
  }

  frameNow(): ShownFrame | null | undefined {
    const rtp = this.#pictureNow.now()?.rtpTimestamp;
    if (rtp === undefined) return undefined;
    const row = this.#rows.get(rtp);
    if (row) return { id: row.id, timestamp: row.timestamp };
    // After the end no name comes any more: better the one before than none.
    return this.#ended ? undefined : null;
  }

  stats(): TransportStats {
    return { ...this.#stats, quality: this.#quality };
  }

  setAudio(muted: boolean, volume: number): void {
    applySound(this.picture, muted, volume, () => this.#context.events.silenced());
    this.#hears = !muted || this.#context.soundOnly();
    this.#tellHears();
  }

  level(): number | null {
    this.#wantsLevelMs = performance.now();
    return this.#level;
  }

  #tellHears(): void {
    if (!this.#session || this.#hears === this.#told) return;
    // The answer was made while the stream had none.
    if (this.#hears && this.#sound.currentDirection !== 'recvonly') {
      if (this.#context.hasSound()) this.#fail('lost', 'the stream has sound only now');
      return;
    }
    if (this.#channel.readyState !== 'open') return;
    this.#told = this.#hears;
    this.#channel.send(JSON.stringify({ type: 'sound', on: this.#hears }));
  }

  /** Where there are no pictures, packets of sound say that the way works. */
  async #lookAtSound(): Promise<void> {
    const { events } = this.#context;
    const soundOnly = this.#context.soundOnly();
    if (!soundOnly && performance.now() - this.#wantsLevelMs > 1000) return;
    const report = await this.#sound.receiver.getStats().catch(() => null);
    if (!report || this.#halted) return;
    for (const entry of report.values() as Iterable<RTCInboundRtpStreamStats & { audioLevel?: number }>) {
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'audio') continue;
      this.#level = entry.audioLevel ?? null;
      const { packetsReceived = 0 } = entry;
      if (soundOnly && packetsReceived > this.#soundPackets) events.shown({ frame: null, repeat: false, atMs: performance.now() });
      this.#soundPackets = packetsReceived;
    }
  }

  async #connect(): Promise<void> {
    try {
      this.#told = this.#hears;
      const address = this.#context.address.live('whep', this.#told ? {} : { sound: 0 });
      const session = await offerTo(address, this.#peer, this.#abort.signal);
      this.#answeredMs = performance.now();
      if (this.#halted) void session.end();
      else this.#session = session;
      // It may have changed while the server answered.
      this.#tellHears();
    } catch (error) {
      if (error instanceof RefusedOffer) this.#fail(error.status === 406 ? 'unusable' : 'lost', error.message);
      else this.#fail('lost', String(error));
    }
  }

  /** Tells the server that nobody watches any more; also while the page goes away. */
  #bye = async (): Promise<void> => {
    const session = this.#session;
    this.#session = null;
    await session?.end();
  };

  #onText(text: string): void {
    this.#heard = performance.now();
    if (this.#ended || text === 'pong') return;
    let message: Record<string, unknown>;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const { type, rtp, id, timestamp, repeat, rung, rungs, bitrate } = message;
    if (type === 'settings' && typeof rung === 'number' && typeof rungs === 'number') {
      this.#quality = { jpeg: null, rung: { number: rung, of: rungs }, bitrate: typeof bitrate === 'number' ? bitrate : null };
    }
    if (type !== 'frame' || typeof rtp !== 'number' || typeof id !== 'number' || typeof timestamp !== 'number') return;
    this.#rows.set(rtp, { id, timestamp, repeat: repeat === true });
    if (this.#rows.size > MAX_ROWS) this.#rows.delete(this.#rows.keys().next().value!);
    // Its picture was there first.
    if (this.#unnamed?.rtp === rtp) this.#show(rtp, this.#unnamed.atMs);
  }

  #onFrame = (_now: number, metadata: VideoFrameCallbackMetadata): void => {
    // The one that was on its way when it was halted is the one that stays.
    if (!this.#halted) this.picture.requestVideoFrameCallback(this.#onFrame);
    this.#pictureNow.shown(metadata);
    if (metadata.rtpTimestamp === undefined) return this.#fail('unusable', 'this browser does not tell which picture it shows');
    this.#show(metadata.rtpTimestamp, metadata.expectedDisplayTime);
  };

  #show(rtp: number, atMs: number): void {
    const row = this.#rows.get(rtp);
    this.#unnamed = row ? null : { rtp, atMs };
    // Its name may still come, or never: until then the one before is better than none.
    if (this.#halted && !row) return;
    this.#context.events.shown({ frame: row ? { id: row.id, timestamp: row.timestamp } : null, repeat: row?.repeat ?? false, atMs });
  }

  #beat(): void {
    const now = performance.now();
    if (this.#heard === null && this.#answeredMs !== null && now - this.#answeredMs > FIRST_MS) return this.#fail('lost', NO_UDP);
    if (this.#heard !== null && now - this.#heard > SILENT_MS) return this.#fail('lost', 'the server is silent');
    if (this.#channel.readyState !== 'open') return;
    this.#channel.send('ping');
    if (now - this.#readMs < READ_MS) return;
    this.#readMs = now;
    void this.#readStats();
  }

  async #readStats(): Promise<void> {
    const report = await this.#peer.getStats().catch(() => null);
    if (report && !this.#halted) this.#stats = this.#figures.read([...report.values()], performance.now()) ?? this.#stats;
  }

  #fail(kind: 'unusable' | 'lost', reason: string): void {
    if (this.#halted) return;
    this.halt();
    this.#end();
    this.#context.events.failed({ kind, reason });
  }
}
