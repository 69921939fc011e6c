// A camera of 30 pictures a second throttled to 25, 20 and 10: what comes out of each output, by capture times and as it arrives.
//
//     npx node bench/throttle.ts [--seconds 20] [--side 256]
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { readIdentities } from '../src/formats/fmp4-read.ts';
import { readFrameHeader } from '../src/formats/frame-header.ts';
import { BenchServer } from './server.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '20' }, side: { type: 'string', default: '256' } } });
const seconds = Number(values.seconds);
const side = Number(values.side);

/** Capture times, µs, of the pictures that came. */
type Times = number[];

async function socket(base: string, codec: string, query: string, signal: AbortSignal): Promise<Times> {
  const times: Times = [];
  const ws = new WebSocket(`${base.replace('http', 'ws')}live/cam/ws?codec=${codec}&${query}`);
  ws.on('message', (data: Buffer, binary) => {
    if (!binary) return;
    const one = codec === 'h264' ? readIdentities(data)[0]?.identity : readFrameHeader(data);
    if (!one || ('repeat' in one && one.repeat)) return;
    times.push(one.timestamp);
    ws.send(JSON.stringify({ type: 'ack', id: one.id }));
  });
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  ws.terminate();
  return times;
}

async function mjpeg(base: string, fps: number, signal: AbortSignal): Promise<Times> {
  const times: Times = [];
  try {
    const { body } = await fetch(`${base}live/cam/mjpeg?fps=${fps}`, { signal });
    for await (const chunk of body!) {
      for (const [, time] of Buffer.from(chunk)
        .toString('latin1')
        .matchAll(/X-Sluice-Timestamp: (\d+)/gi))
        times.push(Number(time));
    }
  } catch {
    // Ended by the signal.
  }
  return times;
}

const source = { type: 'pattern', kind: 'microscope', width: side, height: side, fps: 30 } as const;
await using server = await BenchServer.start({ cam: { source } }, { signal: new AbortController().signal } as never);
console.log(`30 fps, ${side}x${side} 16 bit, ${seconds} s each; pictures a second by capture times`);
console.log('| output | 25 | 20 | 10 |\n| --- | ---: | ---: | ---: |');
/** What the camera gave, for a busy machine: its frames may be fewer. */
const CAMERA = 'all of the camera';
const outputs = [CAMERA, 'lossless', 'jpeg', 'mjpeg', 'h264'];
const table = new Map<string, string[]>(outputs.map((output) => [output, []]));
for (const fps of [25, 20, 10]) {
  const abort = new AbortController();
  const runs = outputs.map((output) =>
    output === 'mjpeg'
      ? mjpeg(server.url, fps, abort.signal)
      : output === CAMERA
        ? socket(server.url, 'lossless', 'crop=16&compression=none', abort.signal)
        : socket(server.url, output, `fps=${fps}`, abort.signal),
  );
  await delay((seconds + 2) * 1000);
  abort.abort();
  for (const [index, times] of (await Promise.all(runs)).entries()) {
    // Without the first second, in which encoders start.
    const steady = times.filter((time) => time > times[0]! + 1e6);
    const rate = ((steady.length - 1) * 1e6) / (steady.at(-1)! - steady[0]!);
    const off = outputs[index] === CAMERA ? '' : ` (${((rate / fps - 1) * 100).toFixed(1)} %)`;
    table.get(outputs[index]!)!.push(`${rate.toFixed(2)}${off}`);
  }
}
for (const [output, cells] of table) console.log(`| ${output} | ${cells.join(' | ')} |`);
