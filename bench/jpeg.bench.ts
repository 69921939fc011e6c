// JPEG over WebSocket to many viewers.
import { measureFanOut } from './fan-out.ts';
import type { Bench } from './result.ts';

export const jpeg: Bench = {
  name: 'jpeg',
  what: 'JPEG over WebSocket, 720p30: what each further viewer costs',
  run: (options) =>
    measureFanOut(
      {
        kind: 'jpeg',
        // Without DVR no H.264 is encoded beside it.
        stream: { source: { type: 'pattern' }, dvr: { mode: 'off' } },
        seconds: 6,
        codec: 'jpeg',
        cpuBudget: 2,
        delivered: ({ pictures }) => pictures,
        deliveredUnit: 'fps',
      },
      options,
    ),
};
