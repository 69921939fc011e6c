// H.264 over WebSocket to many viewers.
import { measureFanOut } from './fan-out.ts';
import type { Bench } from './result.ts';

export const h264: Bench = {
  name: 'h264',
  what: 'H.264 over WebSocket, 720p30: what each further viewer costs',
  run: (options) =>
    measureFanOut(
      {
        kind: 'h264',
        // A picture that needs its whole bit rate.
        stream: { source: { type: 'pattern', kind: 'microscope' }, dvr: { mode: 'off' } },
        seconds: 6,
        codec: 'avc1',
        cpuBudget: 2,
        delivered: ({ pictures }) => pictures,
        deliveredUnit: 'fps',
      },
      options,
    ),
};
