// H.264 by FFmpeg, one encoder for HLS, DVR, WebRTC and WebSocket.
import { codecString, decoderConfiguration, splitAnnexB } from '../formats/h264.ts';
import { VideoEncoder } from '../native/ffmpeg-encode.ts';
import type { EncoderSession, RenditionSettings } from './encoder.ts';
import { VideoSession } from './video-session.ts';

type Settings = Extract<RenditionSettings, { codec: 'h264' }>;

/** Opens a session; errors about the settings come with the first picture. */
export async function openEncoder(settings: Settings): Promise<EncoderSession> {
  return new VideoSession(settings, async ({ preset, encoder: name, options }, size) => {
    const encoder = await VideoEncoder.open({ ...size, encoder: name ?? 'libx264', preset: preset ?? undefined, options });
    const description = decoderConfiguration(splitAnnexB(encoder.extraData)) ?? new Uint8Array();
    return { encoder, codec: codecString(description), description };
  });
}
