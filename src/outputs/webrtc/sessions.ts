// All WebRTC viewers of the server: one process, a feed for each rung that somebody is on, and for each viewer its counters and its choice
// of rung.
import { randomBytes } from 'node:crypto';
import { SluiceError } from '../../core/errors.ts';
import type { Packet } from '../../core/packet.ts';
import type { RenditionSettings } from '../../encoders/encoder.ts';
import { chooseVideo, readSdp, type Sdp, videoSection } from '../../formats/sdp.ts';
import type { Stream } from '../../pipeline/stream.ts';
import type { ViewerMeter } from '../meter.ts';
import type { OutputContext, WebRtcConfig } from '../output.ts';
import { videoSettings, viewerParams } from '../viewer-params.ts';
import { Feed } from './feed.ts';
import type { FromProcess, ToProcess, VideoCodec, ViewerReport } from './messages.ts';
import { WebRtcProcess } from './process.ts';
import { Publishers } from './publishing.ts';
import { RUNGS, RungChoice } from './rungs.ts';
import { SoundFeed } from './sound-feed.ts';
import { type TimelineKind, TimelineTexts } from './timeline-texts.ts';
import { freeUdpPort } from './udp-port.ts';

/** The process has so long for an answer. */
const ANSWER_MS = 8000;

/** What the rows on the data channel take of a narrow way, bit/s. */
const CHANNEL_BITRATE = 30_000;
/** A key frame takes no more than so long of the rate of a rung. */
const KEY_SECONDS = 0.4;

export interface Session {
  readonly id: string;
  readonly stream: Stream;
  readonly etag: string;
  readonly codec: VideoCodec;
  readonly rungs: RungChoice;
  readonly meter: ViewerMeter;
  /** Of its pictures; `null`: its offer has none. */
  feed: Feed | null;
  /** Whether its answer has sound, and whether it wants to be sent any. */
  sound: boolean;
  hears: boolean;
  report: ViewerReport | null;
  /** It is being found out whether more would fit. */
  probing: boolean;
  connected: boolean;
  close(reason: string): void;
}

export class Sessions {
  readonly #context: OutputContext;
  readonly #config: WebRtcConfig;
  readonly #process: WebRtcProcess;
  readonly #sessions = new Map<string, Session>();
  readonly #feeds = new Map<string, { feed: Feed; users: Set<string> }>();
  /** By stream, with the viewers that hear. */
  readonly #sounds = new Map<string, { feed: SoundFeed; users: Set<string> }>();
  readonly #timelines = new Map<string, TimelineTexts>();
  readonly publishers: Publishers;
  readonly #answers = new Map<string, (message: FromProcess) => void>();

  constructor(context: OutputContext, config: WebRtcConfig, address: string | null) {
    this.#context = context;
    this.#config = config;
    let port: Promise<number> | null = null;
    const settings = async () => {
      port ??= freeUdpPort(config.port, address);
      return { address, port: await port, iceServers: config.iceServers };
    };
    this.#process = new WebRtcProcess(settings, context.log.child({ output: 'webrtc' }), {
      message: (message) => this.#onMessage(message),
      lost: () => {
        // Its viewers come back in a moment and should not wait for it.
        if (this.#sessions.size) void this.#process.start().catch(() => {});
        for (const session of [...this.#sessions.values()]) session.close('the WebRTC process ended');
        this.publishers.closeAll('the WebRTC process ended');
      },
    });
    this.publishers = new Publishers(context, this.#process, (id, message) => this.#ask(id, message));
  }

  /** Asks further STUN servers for our address, in this life of the process: whoever brings them does so with each offer. */
  async askPublicAddress(servers: readonly string[]): Promise<void> {
    if (!servers.length) return;
    await this.#process.start();
    this.#process.send({ type: 'ice-servers', servers });
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /**
   * Opens a connection: the answer to an offer. Throws `bad-request`, `not-acceptable`, `unavailable`.
   *
   * @param hears whether it is sent sound at once; else when it says so on its data channel
   */
  async open(stream: Stream, offer: string, hears = true): Promise<{ session: Session; answer: string }> {
    this.#context.liveViews.admit(stream, 'webrtc');
    // The source wakes up while the process does.
    using _awake = stream.watch();
    await this.#process.start();
    const id = randomBytes(12).toString('base64url');
    const sdp = readSdp(offer);
    const session = this.#newSession(id, stream, sdp);
    const soundFeed = mayHaveSound(stream) ? stream.name : null;
    const feed = session.feed?.key ?? '';
    const delay = this.#config.playoutDelay;
    try {
      const message = await this.#ask(id, { type: 'view', id, stream: stream.name, feed, soundFeed, hears, offer, delay });
      if (message.type === 'answer') {
        session.sound = message.sound;
        if (hears) this.#hear(session, true);
        return { session, answer: message.sdp };
      }
      if (message.type === 'refused') throw new SluiceError(message.status, message.reason);
      throw new SluiceError('unavailable', 'the connection ended before it began');
    } catch (error) {
      session.close('no answer');
      throw error;
    }
  }

  addCandidates(session: { readonly id: string }, candidates: readonly { candidate: string; mid: string }[]): void {
    for (const { candidate, mid } of candidates) this.#process.send({ type: 'candidate', id: session.id, candidate, mid });
  }

  #ask(id: string, message: ToProcess): Promise<FromProcess> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#answers.delete(id);
        reject(new SluiceError('unavailable', 'the WebRTC process gave no answer in time'));
      }, ANSWER_MS);
      this.#answers.set(id, (answer) => {
        clearTimeout(timer);
        this.#answers.delete(id);
        resolve(answer);
      });
      this.#process.send(message);
    });
  }

  #newSession(id: string, stream: Stream, offer: Sdp | null): Session {
    const codec = codecOf(offer);
    const watch = stream.watch();
    const meter = this.#context.meter('webrtc', stream.name).viewer();
    const off = stream.events.on('closed', () => session.close('the stream was removed'));
    const session: Session = {
      id,
      stream,
      etag: `"${randomBytes(8).toString('hex')}"`,
      codec,
      rungs: new RungChoice(),
      meter,
      feed: offer && !videoSection(offer) ? null : this.#useFeed(stream, codec, 0, id),
      sound: false,
      hears: false,
      report: null,
      probing: false,
      connected: false,
      close: (reason) => {
        if (!this.#sessions.delete(id)) return;
        this.#context.log.debug({ stream: stream.name, viewer: id, reason }, 'a WebRTC viewer left');
        this.#answers.get(id)?.({ type: 'gone', id, reason });
        this.#process.send({ type: 'close', id });
        off();
        if (this.#timelines.get(stream.name)?.remove(id)) this.#timelines.delete(stream.name);
        for (const { feed } of [...this.#feeds.values()]) this.#leaveFeed(feed, id);
        this.#hear(session, false);
        meter[Symbol.dispose]();
        watch[Symbol.dispose]();
      },
    };
    this.#sessions.set(id, session);
    return session;
  }

  #useFeed(stream: Stream, codec: VideoCodec, rung: number, viewer: string): Feed {
    const key = feedKey(stream, codec, rung);
    let entry = this.#feeds.get(key);
    if (!entry) {
      const feed = new Feed(
        key,
        stream,
        () => this.#settingsOf(stream, codec, rung),
        this.#process,
        (listener) => {
          const offs = [stream.events.on('config', listener), viewerParams(this.#context.liveViews, stream, 'webrtc').onChange(listener)];
          return () => {
            for (const off of offs) off();
          };
        },
      );
      feed.onPicture = (packet) => this.#count(feed, packet);
      entry = { feed, users: new Set() };
      this.#feeds.set(key, entry);
    }
    entry.users.add(viewer);
    return entry.feed;
  }

  #leaveFeed(feed: Feed, viewer: string): void {
    const entry = this.#feeds.get(feed.key);
    if (!entry?.users.delete(viewer) || entry.users.size) return;
    this.#feeds.delete(feed.key);
    feed.close();
  }

  /** Sends sound to a viewer from now on, or none. A stream's sound is encoded while somebody hears it. */
  #hear(session: Session, on: boolean): void {
    const { id, stream } = session;
    if (!session.sound || session.hears === on) return;
    session.hears = on;
    this.#process.send({ type: 'hear', id, on });
    const entry = this.#sounds.get(stream.name);
    if (on) {
      const users = entry?.users ?? new Set<string>();
      users.add(id);
      if (!entry)
        this.#sounds.set(stream.name, { feed: new SoundFeed(stream.name, stream, this.#process, (bytes) => count(bytes)), users });
      const count = (bytes: number) => {
        for (const user of users) {
          const heard = this.#sessions.get(user);
          if (heard) heard.meter.bytes += bytes;
        }
      };
    } else if (entry?.users.delete(id) && !entry.users.size) {
      this.#sounds.delete(stream.name);
      entry.feed[Symbol.dispose]();
    }
  }

  /**
   * Rung 0 of H.264 is the rendition that HLS and WebSocket share; the others have a share of its rate, the last one half its size too. VP8 is
   * encoded in the same rates while somebody needs it.
   */
  #settingsOf(stream: Stream, codec: VideoCodec, rung: number): RenditionSettings {
    const main = videoSettings(stream.config, this.#context.liveViews.valuesOf('webrtc', stream.name));
    const { width, height, fps = null } = main;
    const base: RenditionSettings = codec === 'h264' ? main : { codec: 'vp8', bitrate: main.bitrate, width, height, fps };
    if (rung === 0) return base;
    const { track } = stream.rendition(this.#settingsOf(stream, codec, 0));
    const whole = track?.bitrate ?? main.bitrate ?? 0;
    const bitrate = Math.max(50_000, Math.round(whole * RUNGS[rung]!) - CHANNEL_BITRATE);
    const thin = codec === 'h264' ? { options: { bufsize: Math.round(bitrate * KEY_SECONDS), ...main.options } } : {};
    if (rung < RUNGS.length - 1 || !track) return { ...base, bitrate, ...thin };
    const half = (side: number) => Math.max(16, Math.round(side / 4) * 2);
    return { ...base, bitrate, ...thin, width: half(track.width), height: half(track.height) };
  }

  #count(feed: Feed, packet: Packet): void {
    const output = this.#context.meter('webrtc', feed.stream.name);
    const now = feed.stream.clock.now();
    for (const session of this.#sessions.values()) {
      if (session.feed !== feed) continue;
      session.meter.offered++;
      if (session.connected) {
        session.meter.sent++;
        output.onSent(packet, now);
        session.meter.bytes += packet.data.length;
      } else session.meter.skipped.add('connecting');
    }
  }

  #onMessage(message: FromProcess): void {
    if (message.type === 'need-key') return this.#feeds.get(message.feed)?.feed.requestKey();
    if (!('id' in message)) return;
    if (message.type === 'answer' || message.type === 'refused') return this.#answers.get(message.id)?.(message);
    const session = this.#sessions.get(message.id);
    if (!session) return this.publishers.onMessage(message);
    if (message.type === 'connected') session.connected = true;
    else if (message.type === 'gone') session.close(message.reason);
    else if (message.type === 'report') this.#onReport(session, message.report);
    else if (message.type === 'room') this.#onRoom(session, message.rate);
    else if (message.type === 'switched') this.#onSwitched(session, message.feed);
    else if (message.type === 'message') this.#onText(session, message.text);
    else if (message.type === 'wants') this.#timelineOf(session.stream.name).add(session.id, message.kinds);
  }

  #timelineOf(stream: string): TimelineTexts {
    let texts = this.#timelines.get(stream);
    if (!texts) {
      const send = (kind: TimelineKind, text: string) => this.#process.sendTimeline({ type: 'timeline', stream, kind, text });
      texts = new TimelineTexts(this.#context.timeline(stream), send);
      this.#timelines.set(stream, texts);
    }
    return texts;
  }

  #onReport(session: Session, report: ViewerReport): void {
    const { rungs, stream, id } = session;
    const before = rungs.rung;
    session.report = report;
    if (!session.feed) return;
    this.#tellSettings(session, session.feed);
    const rung = rungs.update(report, performance.now());
    if (rung !== before) {
      const next = this.#useFeed(stream, session.codec, rung, id);
      this.#context.log.debug({ stream: stream.name, viewer: id, rung, way: report.way }, 'a viewer changes its rung');
      this.#process.send({ type: 'switch', id, feed: next.key, pause: rung > before });
      next.requestKey();
    } else if (rungs.wanted !== null && !session.probing) {
      session.probing = true;
      this.#process.send({ type: 'probe', id, rate: rungs.wanted });
    }
  }

  #onRoom(session: Session, rate: number): void {
    session.probing = false;
    session.rungs.room(rate, performance.now());
  }

  /** What it gets now, with every report of its own: a message that found the channel closed comes again. */
  #tellSettings(session: Session, feed: Feed): void {
    const { track } = feed.rendition;
    const rung = Number(feed.key.slice(feed.key.lastIndexOf('/') + 1)) + 1;
    const text = JSON.stringify({
      type: 'settings',
      rung,
      rungs: RUNGS.length,
      bitrate: track?.bitrate ?? null,
      width: track?.width,
      height: track?.height,
    });
    this.#process.send({ type: 'tell', id: session.id, text });
  }

  #onSwitched(session: Session, key: string): void {
    const entry = this.#feeds.get(key);
    if (!entry) return;
    session.feed = entry.feed;
    for (const { feed } of [...this.#feeds.values()]) {
      const wanted = feed.key === feedKey(session.stream, session.codec, session.rungs.rung);
      if (feed !== entry.feed && !wanted) this.#leaveFeed(feed, session.id);
    }
  }

  #onText(session: Session, text: string): void {
    try {
      const message = JSON.parse(text) as { type?: unknown; latencyMs?: unknown; on?: unknown };
      if (message.type === 'sound' && typeof message.on === 'boolean') this.#hear(session, message.on);
      if (message.type === 'shown' && typeof message.latencyMs === 'number') {
        this.#context.meter('webrtc', session.stream.name).reportShown(message.latencyMs);
      }
    } catch {
      // Foreign text on our channel means nothing.
    }
  }

  async close(): Promise<void> {
    for (const session of [...this.#sessions.values()]) session.close('the server is shutting down');
    this.publishers.closeAll('the server is shutting down');
    await this.#process.close();
  }
}

function feedKey(stream: Stream, codec: VideoCodec, rung: number): string {
  return `${stream.name}/${codec}/${rung}`;
}

/** What the answer will have. An offer that cannot be answered is refused by the process. */
function codecOf(offer: Sdp | null): VideoCodec {
  const media = offer && videoSection(offer);
  return (media && chooseVideo(media)?.kind) ?? 'h264';
}

/** Whether a stream has sound, or may have some when it is awake. */
function mayHaveSound({ sound, state, config }: Stream): boolean {
  if (sound.hub.format) return true;
  if (config.source.type === 'pattern') return config.source.audio === true;
  return state !== 'live';
}
