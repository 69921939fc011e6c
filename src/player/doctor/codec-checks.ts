// What this browser can play: asked, not guessed from its name.
import type { Check, Finding, Fix } from './finding.ts';

/** Baseline, level 3.1: what the server encodes at 720p. */
const H264 = 'avc1.42c01f';

export const TLS: Fix = {
  text: 'Give the server a certificate and open the page by https; or open it on the server itself as http://localhost.',
  settings: ['tlsCert', 'tlsKey'],
  lines: ["tlsCert: 'cert.pem',", "tlsKey: 'key.pem',"],
};

const nothing = (text: string): Finding => ({ verdict: 'limited', text });

export const CODEC_CHECKS: readonly Check[] = [
  {
    id: 'secure',
    label: 'Secure page',
    needsServer: false,
    limitMs: 1000,
    run: () =>
      isSecureContext
        ? { verdict: 'ok', text: 'This page is a secure one: WebCodecs, cameras and screens may be used.' }
        : {
            verdict: 'limited',
            text: 'This page came over plain http from another computer, so this browser keeps WebCodecs, fast JPEG, cameras and screens from it. Other ways to the picture work.',
            fix: TLS,
          },
  },
  {
    id: 'mse',
    label: 'H.264 by Media Source',
    needsServer: false,
    limitMs: 1000,
    run: () => {
      const { MediaSource: plain, ManagedMediaSource: managed } = globalThis as typeof globalThis & {
        ManagedMediaSource?: typeof MediaSource;
      };
      const source = plain ?? managed;
      if (!source)
        return nothing('This browser has no Media Source: HLS only if it plays that itself, H.264 over WebSocket only by WebCodecs.');
      return source.isTypeSupported(`video/mp4; codecs="${H264}"`)
        ? { verdict: 'ok', text: 'HLS and H.264 over WebSocket can be played.' }
        : nothing('This browser was built without H.264. WebRTC with VP8, JPEG and MJPEG remain.');
    },
  },
  {
    id: 'webcodecs',
    label: 'H.264 by WebCodecs',
    needsServer: false,
    limitMs: 3000,
    run: async () => {
      if (!('VideoDecoder' in globalThis)) {
        if (isSecureContext) return nothing('This browser has no WebCodecs; Media Source is used instead.');
        return { ...nothing('WebCodecs exists only on secure pages; Media Source is used instead.'), fix: TLS };
      }
      const { supported } = await VideoDecoder.isConfigSupported({ codec: H264 });
      return supported
        ? { verdict: 'ok', text: 'The lowest latency over WebSocket is possible.' }
        : nothing('WebCodecs is there, but not for H.264.');
    },
  },
  {
    id: 'webrtc-codecs',
    label: 'Codecs of WebRTC',
    needsServer: false,
    limitMs: 1000,
    run: () => {
      if (!('RTCPeerConnection' in globalThis)) return { verdict: 'failed', text: 'This browser has no WebRTC, or it was switched off.' };
      const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
      if (!codecs) return { verdict: 'ok', text: 'This browser does not tell its codecs.' };
      const has = (name: string) => codecs.some(({ mimeType }) => mimeType.toLowerCase() === `video/${name}`);
      const known = ['h264', 'vp8'].filter(has).map((name) => (name === 'h264' ? 'H.264' : 'VP8'));
      if (!known.length) return { verdict: 'failed', text: 'This browser has neither H.264 nor VP8 for WebRTC.' };
      return has('h264')
        ? { verdict: 'ok', text: `${known.join(' and ')}.` }
        : { verdict: 'limited', text: 'VP8 only: the server encodes once more for such viewers.' };
    },
  },
];
