// MPEG transport stream (ISO/IEC 13818-1): what a track and an access unit are. `mpegts-demux.ts` reads it while it comes, `mpegts-mux.ts`
// writes it.

/** Codecs by their names in FFmpeg. */
export type TsCodec = 'h264' | 'hevc' | 'mpeg2video' | 'aac' | 'mp3' | 'opus';

export interface TsTrack {
  readonly pid: number;
  readonly kind: 'video' | 'audio';
  /** `null`: one that we do not know; its units are not handed out. */
  readonly codec: TsCodec | null;
  /** Stream type of the PMT (table 2-34). */
  readonly type: number;
  /** Of sound, where the PMT says it (Opus). */
  readonly channels?: number;
}

/** One access unit: H.264 as Annex B, AAC with its ADTS header, Opus as one packet without its control header. */
export interface TsUnit {
  readonly track: TsTrack;
  /** 90 kHz ticks, unwrapped: goes on beyond 33 bits. */
  readonly pts: number;
  readonly dts: number;
  /** A decoder can begin here. */
  readonly key: boolean;
  readonly data: Uint8Array;
}

/** Bytes of a transport packet, and the first of them. */
export const TS_PACKET = 188;
export const TS_SYNC = 0x47;
/** Time stamps are 33 bits of 90 kHz ticks: they come again after 26.5 hours. */
export const TS_WRAP = 2 ** 33;

const CRC = new Uint32Array(256).map((_, i) => {
  let value = i << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000_0000 ? (value << 1) ^ 0x04c1_1db7 : value << 1;
  return value;
});

/** CRC of tables (ISO/IEC 13818-1 annex A); 0 over a whole section whose CRC is right. */
export function tsCrc(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = (crc << 8) ^ CRC[(crc >>> 24) ^ byte]!;
  return crc >>> 0;
}

/** Time stamps of 33 bits as numbers that go on. All tracks of a program share one, so that they stay together over the wrap. */
export class TsUnwrap {
  #last: number | null = null;

  /** Of a decoding time: later ones are near to it. */
  step(raw: number): number {
    this.#last = this.near(raw);
    return this.#last;
  }

  near(raw: number): number {
    if (this.#last === null) return raw;
    const ahead = (((raw - this.#last) % TS_WRAP) + TS_WRAP) % TS_WRAP;
    return this.#last + (ahead >= TS_WRAP / 2 ? ahead - TS_WRAP : ahead);
  }
}
