// One viewer inside the WebRTC process: its own numbering over the pictures and the sound that all viewers share, its feedback, its
// heartbeat.
import { type Micros, toTicks } from '../../core/time.ts';
import { readRtcp, roundTripMs } from '../../formats/rtcp.ts';
import { chooseRtx, type Sdp, type SdpCodec, type SdpMedia, withOnly } from '../../formats/sdp.ts';
import { wallMicros } from '../../native/system-clock.ts';
import { Peer, type PeerTrack, PLAYOUT_DELAY, TRANSPORT_CC, type WebRtcSettings } from '../../native/webrtc.ts';
import { Heartbeat } from './heartbeat.ts';
import type { FromProcess, PlayoutDelay, ViewerReport } from './messages.ts';
import { RembWay } from './remb-way.ts';
import { type Packetized, RtpSender } from './rtp-sender.ts';
import { SenderReports } from './sender-reports.ts';
import { type SoundPacket, SoundSender } from './sound-sender.ts';
import { kindsOf, type TimelineKind } from './timeline-texts.ts';
import { UNKNOWN, type WayState } from './way.ts';

/** The label of the data channel that players open. */
export const CHANNEL = 'sluice';
/** One that never got through. */
const CONNECT_MS = 7000;

/** Without the key frame of another feed for so long after a pause, the old one goes on. */
const PATIENCE_MS = 1500;
/** A queue that stands at so much twice in a row is let run empty, for so long at most, and not again too soon. */
const FULL_QUEUE_MS = 300;
const MAX_PAUSE_MS = 1000;
const PAUSE_EVERY_MS = 3000;

/** Receiver reports that tell the round trip. */
const TRIPS = 5;

/** A section of the offer, and what of it the answer takes. */
export interface ChosenMedia {
  readonly media: SdpMedia;
  readonly codec: SdpCodec;
}

/** What a viewer is given. */
export interface ViewerOptions {
  readonly id: string;
  /** Name of the stream. */
  readonly stream: string;
  /** Feeds of its pictures and of its sound. */
  readonly feed: string;
  readonly soundFeed: string | null;
  readonly settings: WebRtcSettings;
  /** At least one of them. */
  readonly video: ChosenMedia | null;
  readonly sound: ChosenMedia | null;
  /** Whether it hears from the start. */
  readonly hears: boolean;
  readonly delay: PlayoutDelay | null;
  readonly tell: (message: FromProcess) => void;
}

/** Its pictures: one track. */
class PictureTrack {
  readonly sender: RtpSender;
  readonly ssrc: number;
  readonly #track: PeerTrack;
  readonly #reports: SenderReports;
  #ahead = 0;

  constructor(
    peer: Peer,
    { media, codec }: ChosenMedia,
    ssrc: number,
    delay: PlayoutDelay | null,
    events: { packet(bytes: Uint8Array): void; open(): void },
  ) {
    this.ssrc = ssrc;
    const rtxCodec = chooseRtx(media, codec);
    const rtx = rtxCodec && { payloadType: rtxCodec.payloadType, ssrc: ssrc + 1 };
    const extension = (uri: string) => {
      const number = media.extensions.get(uri);
      // The one-byte form has ids from 1 to 14 (RFC 8285 4.2).
      return number === undefined || number > 14 ? null : number;
    };
    const extensions = [TRANSPORT_CC, ...(delay ? [PLAYOUT_DELAY] : [])].filter((uri) => extension(uri) !== null);
    this.sender = new RtpSender({
      payloadType: codec.payloadType,
      ssrc,
      rtx,
      delayId: delay && extension(PLAYOUT_DELAY),
      transportId: extension(TRANSPORT_CC),
      delay: delay ?? { min: 0, max: 0 },
      write: (packet) => this.#track.send(packet),
    });
    this.#track = peer.addSendTrack({ media, codec, ssrc, rtx, extensions }, events);
    this.#reports = new SenderReports({
      ssrc,
      rtpTimeAt: (time) => (toTicks(time as Micros) + this.#ahead) % 2 ** 32,
      write: (bytes) => this.#track.sendControl(bytes),
    });
  }

  /** Sends a picture, and what is to be said of the whole track. */
  send(picture: Packetized): void {
    this.#ahead = picture.ahead;
    this.sender.send(picture);
    const { packets, bytes } = this.sender.counters;
    this.#reports.sent(packets, bytes, performance.now());
  }
}

export class Viewer {
  readonly id: string;
  /** What it gets now. */
  feed: string;
  readonly soundFeed: string | null;
  #next: string | null = null;
  /** Name of the stream. */
  readonly stream: string;
  #kinds: readonly TimelineKind[] = [];
  /** Texts that found the channel clogged. */
  #skipped = 0;
  readonly #peer: Peer;
  readonly #tell: (message: FromProcess) => void;
  readonly #mids: readonly string[];
  readonly #pictures: PictureTrack | null;
  readonly #sound: SoundSender | null;
  readonly #remb = new RembWay();
  #way: WayState = UNKNOWN;
  /** Nothing is sent until the way has emptied itself, and then until a key frame comes. */
  #pause: { readonly at: number; readonly until: number; readonly timer: NodeJS.Timeout } | null = null;
  #lastPause = Number.NEGATIVE_INFINITY;
  #fullUpdates = 0;
  #open = false;
  #needKey = true;
  #connected = false;
  #heartbeat = new Heartbeat(performance.now());
  readonly #started = performance.now();
  #fractionLost = 0;
  #jitterMs = 0;
  #rttMs: number | null = null;
  readonly #trips: number[] = [];
  #closed = false;

  constructor(options: ViewerOptions) {
    const { id, feed, video, sound, tell } = options;
    this.id = id;
    this.feed = feed;
    this.soundFeed = sound && options.soundFeed;
    this.stream = options.stream;
    this.#mids = [video, sound].flatMap((chosen) => chosen?.media.mid ?? []);
    this.#tell = tell;
    this.#peer = new Peer(id, options.settings, {
      state: (state) => this.#onState(state),
      channel: (label, protocol) => {
        this.#kinds = label === CHANNEL ? kindsOf(protocol) : this.#kinds;
        if (label === CHANNEL && this.#kinds.length) tell({ type: 'wants', id, kinds: this.#kinds });
      },
      text: (label, text) => {
        const now = performance.now();
        if (label === CHANNEL && text === 'ping') this.#heartbeat.beat(now);
        else this.#heartbeat.heard(now);
        if (label !== CHANNEL) return;
        if (text === 'ping') this.#peer.sendText(CHANNEL, 'pong');
        else if (text.length < 10_000) tell({ type: 'message', id, text });
      },
    });
    const ssrc = Math.floor(Math.random() * 0xfffffff0) + 1;
    const open = () => {
      this.#open = true;
      tell({ type: 'need-key', feed: this.feed });
    };
    this.#pictures = video && new PictureTrack(this.#peer, video, ssrc, options.delay, { packet: (bytes) => this.#onRtcp(bytes), open });
    const alone = video ? {} : { packet: (bytes: Uint8Array) => this.#onRtcp(bytes) };
    this.#sound = sound && new SoundSender(this.#peer, sound, ssrc + 2, options.hears, alone);
    this.hear(options.hears);
  }

  /** What it is not sent is inactive: the library would promise it too. */
  async answer(offer: string, sdp: Sdp): Promise<string> {
    return withOnly(await this.#peer.answer(offer, sdp), this.#mids);
  }

  addCandidate(candidate: string, mid: string): void {
    this.#peer.addCandidate(candidate, mid);
  }

  /** Goes over to another feed with its next key frame; both run on the same clock. `pause`: the old one stops at once. */
  switchTo(feed: string, pause: boolean): void {
    this.#next = feed === this.feed ? null : feed;
    if (!this.#next) return;
    if (pause) this.#beginPause(performance.now());
    else this.#tell({ type: 'need-key', feed });
  }

  /** What is sent into a full way only waits there: it is let run empty first. */
  #beginPause(now: number): void {
    if (this.#pause) clearTimeout(this.#pause.timer);
    const length = Math.min(MAX_PAUSE_MS, this.#way.queueMs);
    const timer = setTimeout(() => !this.#closed && this.#tell({ type: 'need-key', feed: this.#next ?? this.feed }), length);
    this.#pause = { at: this.#pause?.at ?? now, until: now + length, timer };
    this.#lastPause = now;
    this.#needKey = true;
    this.#pictures?.sender.renew();
  }

  /** Sends sound from now on, or none. */
  hear(on: boolean): void {
    this.#sound?.turn(on);
    this.#pictures?.sender.playWithSound(on && this.#sound !== null);
  }

  sendSound(feed: string, packet: SoundPacket): void {
    if (feed === this.soundFeed && !this.#closed) this.#sound?.send(packet);
  }

  /** Finds out whether more would fit. */
  probe(rate: number): void {
    this.#pictures?.sender.probe(rate, (room) => this.#tell({ type: 'room', id: this.id, rate: room }));
  }

  send(feed: string, picture: Packetized): void {
    const pictures = this.#pictures;
    if (!pictures || !this.#open || this.#closed) return;
    if (this.#pause && performance.now() < this.#pause.until) return;
    if (feed === this.#next && picture.key) {
      this.feed = feed;
      this.#next = null;
      this.#needKey = true;
      pictures.sender.renew();
      this.#remb.renew();
      this.#tell({ type: 'switched', id: this.id, feed });
    }
    if (feed !== this.feed || (this.#pause && this.#next)) return;
    if (this.#needKey && !picture.key) return;
    this.#needKey = false;
    this.#pause = null;
    // The name first: a picture is on the screen a millisecond after its last packet.
    const rtp = pictures.sender.timeOf(picture);
    this.#peer.sendText(CHANNEL, rtp === picture.rtpTime ? picture.text : JSON.stringify({ ...JSON.parse(picture.text), rtp }));
    pictures.send(picture);
  }

  /** Metrics, markers or data. Who reads too slowly loses some and is told how many texts. */
  sendTimeline({ stream, kind, text }: { readonly stream: string; readonly kind: TimelineKind; readonly text: string }): void {
    if (!this.#kinds.includes(kind) || this.stream !== stream) return;
    if (this.#skipped && this.#peer.sendText(CHANNEL, JSON.stringify({ type: 'skipped', texts: this.#skipped }))) this.#skipped = 0;
    if (!this.#peer.sendText(CHANNEL, text)) this.#skipped++;
  }

  sendText(text: string): void {
    this.#peer.sendText(CHANNEL, text);
  }

  /**
   * Several times a second.
   *
   * @param now ms, monotonic
   * @param report whether it is time for a report
   */
  update(now: number, report: boolean): void {
    const sender = this.#pictures?.sender;
    this.#way = sender?.way?.state(now) ?? this.#remb.state(sender?.rate ?? 0, now);
    sender?.update(this.#way, now);
    if (this.#pause && now - this.#pause.until > PATIENCE_MS) {
      this.#pause = null;
      this.#tell({ type: 'need-key', feed: this.feed });
    }
    this.#fullUpdates = this.#way.queueMs > FULL_QUEUE_MS ? this.#fullUpdates + 1 : 0;
    if (this.#fullUpdates > 1 && !this.#pause && now - this.#lastPause > PAUSE_EVERY_MS) this.#beginPause(now);
    if (report) {
      sender?.beat(this.#rttMs ?? this.#peer.rttMs, now);
      const dead = this.#dead(now);
      if (dead) return this.#tell({ type: 'gone', id: this.id, reason: dead });
    }
    if (this.#connected && (report || this.#way.verdict === 'bad')) this.#tell({ type: 'report', id: this.id, report: this.#report() });
  }

  /** The least of the newest few: a busy receiver answers late. */
  #onRoundTrip(ms: number | null): void {
    if (ms === null) return;
    this.#trips.push(ms);
    if (this.#trips.length > TRIPS) this.#trips.shift();
    this.#rttMs = Math.min(...this.#trips);
  }

  /** So long, ms, this process was away and could hear nobody. */
  excuse(ms: number): void {
    this.#heartbeat.excuse(ms);
  }

  /** Why it counts as gone. */
  #dead(now: number): string | null {
    if (!this.#connected) return now - this.#started > CONNECT_MS ? 'no connection came about' : null;
    return this.#heartbeat.dead(now);
  }

  #report(): ViewerReport {
    const sender = this.#pictures?.sender;
    const { packets, bytes, pictures, resends, missed } = sender?.counters ?? { packets: 0, bytes: 0, pictures: 0, resends: 0, missed: 0 };
    return {
      packets,
      bytes,
      pictures,
      resends,
      missed,
      fractionLost: this.#fractionLost,
      jitterMs: this.#jitterMs,
      rttMs: this.#rttMs ?? this.#peer.rttMs,
      sending: sender?.rate ?? 0,
      way: this.#way,
      probes: sender?.probes ?? false,
      delayMs: sender?.delay.min ?? 0,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#pause) clearTimeout(this.#pause.timer);
    this.#pictures?.sender.close();
    this.#peer.close();
  }

  #onState(state: string): void {
    if (state === 'connected' && !this.#connected) {
      this.#connected = true;
      this.#heartbeat = new Heartbeat(performance.now());
      this.#tell({ type: 'connected', id: this.id });
    } else if (state === 'failed' || state === 'closed' || state === 'disconnected') {
      this.#tell({ type: 'gone', id: this.id, reason: `the connection is ${state}` });
    }
  }

  #onRtcp(bytes: Uint8Array): void {
    const now = performance.now();
    this.#heartbeat.heard(now);
    for (const message of readRtcp(bytes)) {
      if (message.type === 'pli' || message.type === 'fir') this.#tell({ type: 'need-key', feed: this.feed });
      else if (message.type === 'nack') this.#pictures?.sender.resend(message.sequences);
      else if (message.type === 'transport') this.#pictures?.sender.way?.told(message, now);
      else if (message.type === 'remb') this.#remb.estimated(message.bitrate, now);
      else if (message.type === 'report' && message.ssrc === this.#pictures?.ssrc) {
        // Some receivers (libdatachannel's) begin with a report that has lost more than was ever sent.
        if (message.cumulativeLost <= this.#pictures.sender.counters.packets) {
          this.#fractionLost = message.fractionLost;
          this.#remb.reported(message.fractionLost);
        }
        this.#jitterMs = message.jitter / 90;
        this.#onRoundTrip(roundTripMs(message, wallMicros() / 1000));
      } else if (message.type === 'bye') this.#tell({ type: 'gone', id: this.id, reason: 'the viewer said goodbye' });
    }
  }
}
