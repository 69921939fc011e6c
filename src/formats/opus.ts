// Opus packets (RFC 6716 3.1, 3.2) and their RTP clock (RFC 7587).

/** Hz: the RTP clock of Opus and the highest rate that it decodes to. */
export const OPUS_RATE = 48_000;
/** A packet lasts 120 ms at most (RFC 6716 3.2.5). */
const MAX_SAMPLES = 5760;

/** Samples of each channel at 48 kHz that a packet holds; 0 for bytes that are no packet. Never throws. */
export function opusSamples(packet: Uint8Array): number {
  const [toc, second = 0] = packet;
  if (toc === undefined) return 0;
  const config = toc >> 3;
  const size =
    config < 12 ? [480, 960, 1920, 2880][config & 3]! : config < 16 ? [480, 960][config & 1]! : [120, 240, 480, 960][config & 3]!;
  const code = toc & 3;
  if (code === 3 && packet.length < 2) return 0;
  const frames = code === 0 ? 1 : code < 3 ? 2 : second & 63;
  const samples = frames * size;
  return samples > MAX_SAMPLES ? 0 : samples;
}

/** Channels that a packet was made from. */
export function opusChannels(packet: Uint8Array): 1 | 2 {
  return (packet[0] ?? 0) & 4 ? 2 : 1;
}

/** What comes out of a decoder lies so much behind what went into the encoder (RFC 6716 4.2, lookahead of libopus), µs. */
export const OPUS_DELAY_US = 6500;

/** RTP time of a moment, µs UTC: 32 bits at 48 kHz. */
export function opusTime(time: number): number {
  // In two parts: the product of a present-day time is beyond 2^53.
  const thousands = Math.floor(time / 1000);
  return (((thousands * 48) % 2 ** 32) + Math.round(((time - thousands * 1000) * 48) / 1000)) % 2 ** 32;
}

/** A hole of this length between two packets is one in the sound itself, µs. */
const GAP_US = 5000;

/**
 * RTP times of packets in order: one behind the other without a seam while the sound goes on, because receivers take each missing sample for
 * a loss; after a gap, that of the capture time. The sender's reports tell how the two lie to each other.
 */
export class OpusTimeline {
  #next: { readonly rtpTime: number; readonly timestamp: number } | null = null;

  /**
   * @param timestamp capture time of its first sample, µs UTC
   * @param samples at 48 kHz
   */
  rtpTimeOf(timestamp: number, samples: number): number {
    const next = this.#next;
    const gap = next ? timestamp - next.timestamp : 0;
    const along = next !== null && Math.abs(gap) <= GAP_US;
    // Never back: time that comes twice is thrown away by receivers.
    const ideal = opusTime(timestamp);
    const forwards = next === null || ((ideal - next.rtpTime) | 0) >= 0;
    const rtpTime = along || !forwards ? next!.rtpTime : ideal;
    this.#next = { rtpTime: (rtpTime + samples) % 2 ** 32, timestamp: timestamp + (samples * 1e6) / OPUS_RATE };
    return rtpTime;
  }
}
