// What passes between the server and the WebRTC process: descriptions, encoded pictures, reports. No pixels, no sockets.
import type { WebRtcSettings } from '../../native/webrtc.ts';
import type { TimelineKind } from './timeline-texts.ts';
import type { WayState } from './way.ts';

/** How long receivers hold pictures back, ms (the playout-delay extension of RTP). */
export interface PlayoutDelay {
  readonly min: number;
  readonly max: number;
}

/** What viewers get. */
export type VideoCodec = 'h264' | 'vp8';

/** To the process. */
export type ToProcess =
  | { readonly type: 'settings'; readonly settings: WebRtcSettings }
  | {
      readonly type: 'view';
      readonly id: string;
      /** Name of the stream. */
      readonly stream: string;
      readonly feed: string;
      /** `null`: the stream has no sound. */
      readonly soundFeed: string | null;
      /** Whether it hears from the start. */
      readonly hears: boolean;
      readonly offer: string;
      readonly delay: PlayoutDelay | null;
    }
  /** A viewer wants sound from now on, or none. */
  | { readonly type: 'hear'; readonly id: string; readonly on: boolean }
  | { readonly type: 'publish'; readonly id: string; readonly offer: string }
  /** Further STUN servers that tell under which address others see us; entries as in `WebRtcSettings`. */
  | { readonly type: 'ice-servers'; readonly servers: readonly string[] }
  /** From a publisher. */
  | { readonly type: 'request-key'; readonly id: string }
  | { readonly type: 'candidate'; readonly id: string; readonly candidate: string; readonly mid: string }
  /** To one viewer or publisher, on its data channel. */
  | { readonly type: 'tell'; readonly id: string; readonly text: string }
  /** `text`: a last word on the data channel. */
  | { readonly type: 'close'; readonly id: string; readonly text?: string }
  /** From the next key frame of that feed on; `pause`: and until then nothing, because what is sent does not fit. */
  | { readonly type: 'switch'; readonly id: string; readonly feed: string; readonly pause: boolean }
  /** Finds out whether a viewer's way would carry so many bit/s; answered by `room`. */
  | { readonly type: 'probe'; readonly id: string; readonly rate: number }
  | {
      readonly type: 'picture';
      readonly feed: string;
      readonly codec: VideoCodec;
      /** Number of this picture in its feed. */
      readonly index: number;
      /** Number of this message; every few are acknowledged by `taken`. */
      readonly number: number;
      readonly id: number;
      readonly timestamp: number;
      readonly pts: number;
      readonly key: boolean;
      readonly repeat: boolean;
      readonly data: Uint8Array;
      /** H.264: decoder configuration record; with key frames. */
      readonly description: Uint8Array | null;
    }
  | {
      /** A packet of Opus. */
      readonly type: 'sound';
      readonly feed: string;
      /** As of pictures: they share the pipe. */
      readonly number: number;
      /** 32 bits at 48 kHz. */
      readonly rtpTime: number;
      /** Capture time of its first sample, µs UTC. */
      readonly timestamp: number;
      readonly data: Uint8Array;
    }
  /** On the data channel of all viewers of a stream that want such texts. */
  | { readonly type: 'timeline'; readonly stream: string; readonly kind: TimelineKind; readonly text: string }
  | { readonly type: 'stop' };

/** What a viewer's way looks like, about once a second, and at once when it is bad. */
export interface ViewerReport {
  /** Counters since the beginning. */
  readonly packets: number;
  readonly bytes: number;
  readonly pictures: number;
  /** Packets that it asked for again, and of them those that were no longer there or not worth it. */
  readonly resends: number;
  readonly missed: number;
  /** Newest report of the receiver: share of packets lost, 0..1. */
  readonly fractionLost: number;
  readonly jitterMs: number;
  readonly rttMs: number | null;
  /** Pictures, bit/s of late, and what of it arrives. */
  readonly sending: number;
  readonly way: WayState;
  /** Whether `probe` is answered. */
  readonly probes: boolean;
  /** How long it is told to hold pictures back, ms. */
  readonly delayMs: number;
}

/** From the process. */
export type FromProcess =
  | { readonly type: 'ready' }
  /** `codec` of the pictures; empty = the answer has none. `sound`: whether it has Opus. */
  | { readonly type: 'answer'; readonly id: string; readonly sdp: string; readonly codec: string; readonly sound: boolean }
  | { readonly type: 'refused'; readonly id: string; readonly status: 'bad-request' | 'not-acceptable'; readonly reason: string }
  /** `connected` once; `gone` at the end, with the reason. */
  | { readonly type: 'connected'; readonly id: string }
  | { readonly type: 'gone'; readonly id: string; readonly reason: string }
  | { readonly type: 'need-key'; readonly feed: string }
  | { readonly type: 'switched'; readonly id: string; readonly feed: string }
  | { readonly type: 'room'; readonly id: string; readonly rate: number }
  | { readonly type: 'report'; readonly id: string; readonly report: ViewerReport }
  | { readonly type: 'message'; readonly id: string; readonly text: string }
  /** What the protocol of its data channel asks for. */
  | { readonly type: 'wants'; readonly id: string; readonly kinds: readonly TimelineKind[] }
  | {
      /** An access unit of a publisher (H.264: Annex B). */
      readonly type: 'unit';
      readonly id: string;
      readonly data: Uint8Array;
      readonly key: boolean;
      /** On its own clock, µs. */
      readonly time: number;
      /** When it was captured: monotonic clock of this machine, µs. */
      readonly moment: number;
    }
  | {
      /** A packet of Opus of a publisher; times as of units. */
      readonly type: 'sound-unit';
      readonly id: string;
      readonly data: Uint8Array;
      readonly time: number;
      readonly moment: number;
    }
  | { readonly type: 'taken'; readonly number: number };
