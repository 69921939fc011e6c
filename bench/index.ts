// The table of benches, in the order in which they run. A new one is one file and one row here.
import { encode } from './encode.bench.ts';
import { h264 } from './h264.bench.ts';
import { hls } from './hls.bench.ts';
import { idle } from './idle.bench.ts';
import { jpeg } from './jpeg.bench.ts';
import { lossless } from './lossless.bench.ts';
import { mjpeg } from './mjpeg.bench.ts';
import { processors } from './processors.ts';
import type { Bench } from './result.ts';
import { series } from './series.bench.ts';
import { slowViewer } from './slow-viewer.bench.ts';
import { wake } from './wake.bench.ts';
import { webrtc } from './webrtc.bench.ts';

export const BENCHES: readonly Bench[] = [encode, jpeg, mjpeg, h264, hls, webrtc, lossless, wake, idle, slowViewer, series, processors];
