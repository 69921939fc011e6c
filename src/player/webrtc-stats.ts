// What the browser tells about a WebRTC connection (W3C webrtc-stats), as the player's figures need it.
import type { NetworkStats, TransportStats } from './transport.ts';

type Entry = Readonly<Record<string, unknown>> & { readonly type: string };

/** Jitter buffer counters of the report before: the buffer is told as what it was in between. */
interface Emitted {
  readonly delay: number;
  readonly count: number;
}

const number = (entry: Entry | undefined, key: string): number => (typeof entry?.[key] === 'number' ? entry[key] : 0);
const ms = (entry: Entry | undefined, key: string): number | null => (typeof entry?.[key] === 'number' ? entry[key] * 1000 : null);

/** Makes figures of reports; keeps what is needed from one to the next. */
export class WebRtcFigures {
  #emitted: Emitted = { delay: 0, count: 0 };
  #bufferMs: number | null = null;

  /** @param atMs page time of the report; `null` = it has no video yet */
  read(entries: readonly Entry[], atMs: number): Omit<TransportStats, 'quality'> | null {
    const video = entries.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
    if (!video) return null;
    const emitted = { delay: number(video, 'jitterBufferDelay'), count: number(video, 'jitterBufferEmittedCount') };
    const pictures = emitted.count - this.#emitted.count;
    if (pictures > 0) this.#bufferMs = ((emitted.delay - this.#emitted.delay) / pictures) * 1000;
    this.#emitted = emitted;
    const { decoderImplementation } = video;
    return {
      atMs,
      // As they came over the network: with the headers of RTP.
      bytes: number(video, 'bytesReceived') + number(video, 'headerBytesReceived'),
      dropped: number(video, 'framesDropped'),
      decoder: `WebRTC${typeof decoderImplementation === 'string' ? ` (${decoderImplementation})` : ''}`,
      bufferedSeconds: this.#bufferMs === null ? null : this.#bufferMs / 1000,
      playbackRate: 1,
      network: networkOf(video, this.#bufferMs, entries),
    };
  }
}

function networkOf(video: Entry, bufferMs: number | null, entries: readonly Entry[]): NetworkStats {
  const pair = selectedPair(entries);
  return {
    packets: number(video, 'packetsReceived'),
    lost: number(video, 'packetsLost'),
    resends: number(video, 'retransmittedPacketsReceived'),
    nacks: number(video, 'nackCount'),
    jitterMs: ms(video, 'jitter'),
    bufferMs,
    roundTripMs: ms(pair, 'currentRoundTripTime'),
    path: pathOf(pair, entries),
  };
}

/** The pair of addresses that is in use. */
export function selectedPair(entries: readonly Entry[]): Entry | undefined {
  const transport = entries.find(({ type }) => type === 'transport');
  const id = transport?.selectedCandidatePairId;
  return entries.find((entry) => entry.type === 'candidate-pair' && (id === undefined ? entry.nominated === true : entry.id === id));
}

/** The way for people: `UDP`, `TCP`, `UDP through a relay`, `TCP through a relay`. */
export function pathOf(pair: Entry | undefined, entries: readonly Entry[]): string {
  const ends = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => entries.find((entry) => entry.id === id));
  const [local] = ends;
  // To a relay of its own a browser may go otherwise than the relay goes on.
  const protocol = local?.candidateType === 'relay' ? (local.relayProtocol ?? local.protocol) : local?.protocol;
  const relayed = ends.some((end) => end?.candidateType === 'relay');
  return `${typeof protocol === 'string' ? protocol.toUpperCase() : 'UDP'}${relayed ? ' through a relay' : ''}`;
}
