// Decodes one picture out of recorded H.264: from its key frame up to it. The calls run on libuv's pool, so the main thread is free.
import { AV_CODEC_ID_H264 } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, Frame, Packet } from 'node-av/lib';
import { SluiceError } from '../core/errors.ts';
import type { Picture } from '../core/frame.ts';
import { toPacked } from './convert.ts';

/**
 * The last picture of `samples` as rgb24.
 *
 * @param description AVCDecoderConfigurationRecord
 * @param samples length-prefixed access units in decoding order; the first is a key frame
 */
export async function decodeLast(description: Uint8Array, samples: readonly Uint8Array[]): Promise<Picture> {
  const codec = Codec.findDecoder(AV_CODEC_ID_H264);
  if (!codec) throw new SluiceError('unavailable', 'this FFmpeg has no H.264 decoder');
  // One context for one picture: two calls at once on a context never end.
  using context = new CodecContext();
  using packet = new Packet();
  using frame = new Frame();
  const check = (result: number) => {
    if (result < 0) throw new SluiceError('encoder-failed', `a recorded picture could not be decoded: ${new FFmpegError(result).message}`);
  };
  context.allocContext3(codec);
  context.threadCount = 1;
  context.extraData = Buffer.from(description);
  check(await context.open2(codec));
  frame.alloc();
  let picture: Picture | null = null;
  const take = async () => {
    while ((await context.receiveFrame(frame)) >= 0) {
      const data = frame.toBuffer();
      picture = {
        format: 'yuv420p',
        width: frame.width,
        height: frame.height,
        data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      };
      frame.unref();
    }
  };
  for (const sample of samples) {
    packet.alloc();
    packet.data = Buffer.from(sample);
    check(await context.sendPacket(packet));
    packet.unref();
    await take();
  }
  check(await context.sendPacket(null));
  await take();
  if (!picture) throw new SluiceError('encoder-failed', 'a recorded picture could not be decoded: no picture came out');
  // Our renditions are BT.709 whatever their size.
  return toPacked(picture, 'bt709');
}
