// The table of transports, in the order in which `transport=auto` tries them.
import { h264Unusable, openH264 } from './h264.ts';
import { jpegUnusable, openJpeg } from './jpeg.ts';
import { mjpegUnusable, openMjpeg } from './mjpeg.ts';
import type { TransportRow } from './transport.ts';
import { openWebRtc, webRtcUnusable } from './webrtc.ts';

export const TRANSPORTS: readonly TransportRow[] = [
  {
    name: 'webrtc',
    label: 'WebRTC',
    hasDvr: false,
    hasSound: true,
    headStartMs: 700,
    limitMs: 4000,
    unusable: webRtcUnusable,
    open: openWebRtc,
  },
  {
    name: 'h264',
    label: 'H.264 over WebSocket',
    hasDvr: false,
    hasSound: false,
    headStartMs: 700,
    limitMs: 4000,
    unusable: h264Unusable,
    open: openH264,
  },
  {
    name: 'hls',
    label: 'HLS',
    hasDvr: true,
    hasSound: true,
    headStartMs: 1500,
    limitMs: 10_000,
    unusable: () =>
      'MediaSource' in globalThis || 'ManagedMediaSource' in globalThis || canPlayHls()
        ? null
        : 'this browser can play neither Media Source nor HLS',
    // The engine is ten times larger than the rest of the player: loaded when it is needed.
    open: async (context) => (await import('./hls.ts')).openHls(context),
  },
  {
    name: 'jpeg',
    label: 'JPEG over WebSocket',
    hasDvr: false,
    hasSound: false,
    headStartMs: 1000,
    limitMs: 5000,
    unusable: jpegUnusable,
    open: openJpeg,
  },
  {
    name: 'mjpeg',
    label: 'MJPEG',
    hasDvr: false,
    hasSound: false,
    headStartMs: 1000,
    limitMs: 6000,
    unusable: mjpegUnusable,
    open: openMjpeg,
  },
  {
    name: 'lossless',
    label: 'Lossless',
    hasDvr: false,
    hasSound: false,
    // It takes ten times as much of the network.
    onlyAsked: true,
    headStartMs: 2000,
    limitMs: 10_000,
    unusable: () => ('Worker' in globalThis && 'WebAssembly' in globalThis ? null : 'this browser has no workers or no WebAssembly'),
    open: async (context) => (await import('./lossless.ts')).openLossless(context),
  },
];

function canPlayHls(): boolean {
  return document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';
}
