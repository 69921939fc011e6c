// The protocols as ImSwitch calls them.
import type { ViewProtocol } from '../../api/live-views.ts';

export const PROTOCOLS = ['binary', 'jpeg', 'mjpeg', 'webrtc'] as const;
export type ImswitchProtocol = (typeof PROTOCOLS)[number];

/** The live view that it asks for. */
export const VIEW_OF = { binary: 'lossless', jpeg: 'jpeg', mjpeg: 'mjpeg', webrtc: 'webrtc' } as const satisfies Record<
  ImswitchProtocol,
  ViewProtocol
>;

/** What its clients call a live view; `null`: they do not know it. */
export function protocolName(protocol: ViewProtocol): ImswitchProtocol | null {
  return PROTOCOLS.find((name) => VIEW_OF[name] === protocol) ?? null;
}
