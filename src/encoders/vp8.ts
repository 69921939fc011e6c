// VP8 by libvpx, for WebRTC viewers whose browser has no H.264. Nothing but pictures fits into its packets: who a picture is goes beside it.
import { VideoEncoder } from '../native/ffmpeg-encode.ts';
import type { EncoderSession, RenditionSettings } from './encoder.ts';
import { VideoSession } from './video-session.ts';

type Settings = Extract<RenditionSettings, { codec: 'vp8' }>;

/** Opens a session; errors come with the first picture. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new VideoSession(settings, async (_settings, size) => {
    const encoder = await VideoEncoder.open({ ...size, encoder: 'libvpx', preset: undefined, options: {} });
    return { encoder, codec: 'vp8', description: new Uint8Array() };
  });
}
