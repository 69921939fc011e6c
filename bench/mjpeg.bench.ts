// MJPEG over HTTP to many viewers.
import { measureFanOut } from './fan-out.ts';
import type { Bench } from './result.ts';

export const mjpeg: Bench = {
  name: 'mjpeg',
  what: 'MJPEG over HTTP, 720p30: what each further viewer costs',
  run: (options) =>
    measureFanOut(
      {
        kind: 'mjpeg',
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
