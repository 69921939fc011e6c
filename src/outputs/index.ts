// The table of outputs. A new protocol is one file or folder and one row here.
import { openHls } from './hls/routes.ts';
import { openMjpeg } from './mjpeg.ts';
import type { OutputRow } from './output.ts';
import { openRecordings } from './recordings/routes.ts';
import { openSnapshot } from './snapshot.ts';
import { openTrickle } from './trickle/index.ts';
import { openWebRtc } from './webrtc/routes.ts';
import { openWebSocket } from './websocket/routes.ts';

export const OUTPUTS: readonly OutputRow[] = [
  { name: 'hls', open: openHls },
  { name: 'webrtc', open: openWebRtc },
  { name: 'websocket', open: openWebSocket },
  { name: 'mjpeg', open: openMjpeg },
  { name: 'snapshot', open: openSnapshot },
  { name: 'recordings', open: openRecordings },
  { name: 'trickle', open: openTrickle },
];
