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
