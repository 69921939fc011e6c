// What the FFmpeg inside node-av can do, for `sluice doctor`. Opens nothing.
import type { FFEncoderCodec } from 'node-av/constants';
import { Codec, getFFmpegInfo } from 'node-av/lib';

/** Version of FFmpeg and the H.264 encoders that it was built with, software ones first. */
export function ffmpegInfo(): { readonly version: string; readonly h264: readonly string[] } {
  const names = [
    'libx264',
    'libopenh264',
    'h264_nvenc',
    'h264_qsv',
    'h264_vaapi',
    'h264_amf',
    'h264_v4l2m2m',
    'h264_videotoolbox',
    'h264_mf',
  ] as FFEncoderCodec[];
  return { version: getFFmpegInfo().version, h264: names.filter((name) => Codec.findEncoderByName(name) !== null) };
}
