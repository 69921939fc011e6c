// Publishes a camera or screen of this computer by WHIP (RFC 9725).
import { type OfferedSession, offerTo } from './whep.ts';

export interface WhipPublisher {
  /** Settles with the reason when it has ended by itself: `null` = it was stopped. */
  readonly ended: Promise<string | null>;
  stop(): void;
}

/**
 * Sends the video of a MediaStream. Rejects with the reason in words.
 *
 * @param address `…/live/{stream}/whip`
 */
export async function publishWhip(address: string, media: MediaStream): Promise<WhipPublisher> {
  const [track] = media.getVideoTracks();
  if (!track) throw new Error('there is no video to send');
  const peer = new RTCPeerConnection();
  const { promise: ended, resolve } = Promise.withResolvers<string | null>();
  let session: OfferedSession | null = null;
  const abort = new AbortController();
  let stopped = false;
  const stop = (reason: string | null) => {
    if (stopped) return;
    stopped = true;
    removeEventListener('pagehide', onLeave);
    abort.abort();
    session?.end();
    peer.close();
    resolve(reason);
  };
  const onLeave = () => stop(null);
  try {
    const sender = peer.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    preferH264(sender);
    session = await offerTo(address, peer, abort.signal);
  } catch (error) {
    stop(null);
    throw error;
  }
  addEventListener('pagehide', onLeave);
  track.addEventListener('ended', () => stop('the camera or screen is no longer shared'));
  peer.addEventListener('connectionstatechange', () => {
    if (peer.connectionState === 'failed') stop('no UDP packets get through between this browser and the server');
    else if (peer.connectionState === 'disconnected') stop('the connection was lost');
  });
  return { ended, stop: () => stop(null) };
}

/** Pictures as sharp as they are, at the full rate where that is possible. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const rank = ({ mimeType, sdpFmtpLine = '' }: RTCRtpCodec) =>
    /h264/i.test(mimeType) ? (/packetization-mode=1/.test(sdpFmtpLine) ? 0 : 1) : /vp8/i.test(mimeType) ? 2 : 3;
  transceiver.setCodecPreferences?.([...codecs].sort((a, b) => rank(a) - rank(b)));
}
