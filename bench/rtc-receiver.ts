// A receiver of one H.264 track by libdatachannel, the same for every server that it is held against. It decodes nothing: it proves by
// sequence numbers and markers what came.
import ndc from 'node-datachannel';
import { isRtcp } from '../src/formats/rtp.ts';

/** What a receiver has got since it was made. */
export interface RtcCounts {
  packets: number;
  bytes: number;
  /** Pictures of which every packet came. */
  pictures: number;
  /** Packets missing by their sequence numbers. */
  lost: number;
  /** Pictures that the server named on the data channel. */
  named: number;
  /** Connections that came about: 1, more with those that were made again. */
  connections: number;
}

/** The label of the data channel that the server and its player use. */
const CHANNEL = 'sluice';
const PAYLOAD_TYPE = 102;
const FMTP = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1';
const PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
const PLAYOUT_DELAY_ID = 5;
const BEAT_MS = 1000;
const GATHER_MS = 3000;

type Connection = InstanceType<typeof ndc.PeerConnection>;
type Track = ReturnType<Connection['addTrack']>;

/** Prepares the library. */
export function startReceivers(): void {
  ndc.initLogger('Fatal', () => {});
  // As browsers do (RFC 9260 6.2): one answer for two messages. The library's own 20 ms would answer each one of 30 a second.
  ndc.setSctpSettings({ delayedSackTime: 200 });
  ndc.preload();
}

/** Ends the library; every receiver must be closed. */
export function stopReceivers(): void {
  ndc.cleanup();
}

let made = 0;

export class RtcReceiver implements Disposable {
  readonly #pc: Connection;
  readonly #counts: RtcCounts;
  readonly #keep: unknown[] = [];
  #sequence = -1;
  #whole = false;
  #closed = false;
  #beat: NodeJS.Timeout | null = null;
  /** ms, monotonic; when the newest packet came. */
  heardAt = performance.now();
  /** Its connection is gone. */
  lost = false;

  constructor(counts: RtcCounts) {
    this.#counts = counts;
    this.#pc = new ndc.PeerConnection(`receiver-${++made}`, { iceServers: [], disableAutoNegotiation: true });
    this.#pc.onStateChange((state) => {
      if (state === 'connected') counts.connections++;
      else if (state === 'failed' || state === 'closed' || state === 'disconnected') this.lost = true;
    });
    this.#pc.onTrack((track) => this.#attach(track));
  }

  /** The offer, for servers that answer. `channel` = with the data channel of the player and its heartbeat. */
  async offer(channel: boolean): Promise<string> {
    const video = new ndc.Video('video', 'RecvOnly');
    video.addH264Codec(PAYLOAD_TYPE, FMTP);
    video.parseSdpLine(`a=extmap:${PLAYOUT_DELAY_ID} ${PLAYOUT_DELAY}`);
    this.#attach(this.#pc.addTrack(video));
    this.#keep.push(video);
    if (channel) this.#openChannel();
    this.#pc.setLocalDescription('offer');
    // The server learns the address from the checks. With candidates in the offer libdatachannel may begin DTLS before it has the answer.
    return withoutCandidates(await this.#gathered(), () => true);
  }

  accept(answer: string): void {
    this.#pc.setRemoteDescription(answer, 'answer');
  }

  /** The answer, for servers that offer. */
  async answer(offer: string): Promise<string> {
    // IPv4 alone: which of several ways is taken must not differ from run to run.
    this.#pc.setRemoteDescription(
      withoutCandidates(offer, (address) => address.includes(':')),
      'offer',
    );
    this.#pc.setLocalDescription('answer');
    return await this.#gathered();
  }

  async #gathered(): Promise<string> {
    for (let waited = 0; this.#pc.gatheringState() !== 'complete'; waited += 5) {
      if (waited > GATHER_MS) throw new Error('candidates were not gathered in time');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.#pc.localDescription()!.sdp;
  }

  #openChannel(): void {
    const channel = this.#pc.createDataChannel(CHANNEL);
    channel.onMessage((message) => {
      if (typeof message === 'string' && message.includes('"frame"')) this.#counts.named++;
    });
    channel.onOpen(() => {
      this.#beat = setInterval(() => channel.isOpen() && channel.sendMessage('ping'), BEAT_MS);
    });
    this.#keep.push(channel);
  }

  #attach(track: Track): void {
    // It reports to the sender as a browser does.
    const session = new ndc.RtcpReceivingSession();
    track.setMediaHandler(session);
    track.onMessage((bytes) => this.#onPacket(bytes));
    track.onError(() => {});
    this.#keep.push(track, session);
  }

  #onPacket(bytes: Buffer): void {
    if (this.#closed || bytes.length < 12 || isRtcp(bytes)) return;
    const counts = this.#counts;
    const sequence = bytes.readUInt16BE(2);
    this.heardAt = performance.now();
    counts.packets++;
    counts.bytes += bytes.length;
    const missing = this.#sequence < 0 ? 0 : (sequence - this.#sequence - 1) & 0xffff;
    // A late or doubled one.
    if (missing >= 0x8000) return;
    counts.lost += missing;
    if (missing) this.#whole = false;
    this.#sequence = sequence;
    if ((bytes[1]! & 0x80) === 0) return;
    if (this.#whole) counts.pictures++;
    // What follows a marker begins a picture.
    this.#whole = true;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#beat) clearInterval(this.#beat);
    this.#pc.close();
  }
}

/** A description without the candidates whose address is not wanted. */
function withoutCandidates(sdp: string, unwanted: (address: string) => boolean): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !(line.startsWith('a=candidate:') && unwanted(line.split(' ')[4] ?? '')))
    .join('\r\n');
}

export function noCounts(): RtcCounts {
  return { packets: 0, bytes: 0, pictures: 0, lost: 0, named: 0, connections: 0 };
}
