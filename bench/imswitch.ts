// Socket.IO viewers of ImSwitch's routes: pictures a second each, latency, and CPU of the server, beside what ImSwitch itself gave.
//
//     npx node bench/imswitch.ts [--seconds 10] [--only "binary 1"]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { io } from 'socket.io-client';
import { BenchServer } from './server.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, only: { type: 'string' }, clients: { type: 'string' }, url: { type: 'string' } },
});

/** Reads what an acknowledgement needs without unpacking the picture: the viewers must cost little. */
function numberOf(message: Buffer, key: string): number {
  const at = message.subarray(0, 400).indexOf(key) + key.length;
  const type = message[at]!;
  if (type < 0x80) return type;
  if (type === 0xcc) return message[at + 1]!;
  return type === 0xcb ? message.readDoubleBE(at + 1) : Number.NaN;
}

if (values.clients) {
  // A process of viewers: tells pictures, bytes and latencies since it was asked last.
  let pictures = 0;
  let bytes = 0;
  let latencies: number[] = [];
  for (let i = 0; i < Number(values.clients); i++) {
    const socket = io(values.url, {
      path: '/imswitch/socket.io/',
      transports: ['websocket'],
      query: { format: 'msgpack' },
      forceNew: true,
    });
    socket.on('frame', (message: Buffer) => {
      pictures++;
      bytes += message.length;
      latencies.push(Date.now() - numberOf(message, 'server_timestamp') * 1000);
      socket.emit('frame_ack', { frame_id: numberOf(message, 'frame_id') });
    });
  }
  process.on('message', () => {
    latencies.sort((a, b) => a - b);
    const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
    process.send!({ pictures, bytes, p50: at(0.5), p95: at(0.95) });
    pictures = bytes = 0;
    latencies = [];
  });
  process.on('disconnect', () => process.exit(0));
} else {
  const seconds = Number(values.seconds);
  const gray = { type: 'pattern', kind: 'microscope', width: 1280, height: 720, fps: 30 } as const;
  const colour = { type: 'pattern', kind: 'testbars', width: 1280, height: 720, fps: 30, vary: [16, 61] } as const;
  /** What ImSwitch itself gave on two cores with the same throttle, pictures a second each and cores, by viewers. */
  const rows = [
    {
      name: 'jpeg q80, subsampling 1',
      source: colour,
      protocol: 'jpeg',
      step: 1,
      there: { 1: '22.2, 0.18', 5: '21.8, 0.58', 20: '10.5, 1.00' },
    },
    {
      name: 'binary lz4, subsampling 4',
      source: gray,
      protocol: 'binary',
      step: 4,
      there: { 1: '24.2, 0.16', 5: '24.2, 0.60', 20: '10.7, 0.98' },
    },
    { name: 'binary lz4, subsampling 1', source: gray, protocol: 'binary', step: 1, there: { 1: '2.6, 0.16', 5: '', 20: '' } },
  ] as const;
  console.log(
    '| 1280x720, 30 fps, throttle_ms 33 | viewers | fps each | MB/s each | p50, p95 ms | cores | of it delivery | ImSwitch: fps each, cores |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const { name, source, protocol, step, there } of rows) {
    if (values.only && !name.includes(values.only)) continue;
    await using server = await BenchServer.start({ cam: { source } as never }, { signal: new AbortController().signal } as never);
    const params = JSON.stringify({ subsampling_factor: step, throttle_ms: 33, jpeg_quality: 80 });
    const api = `${server.url}imswitch/api/LiveViewController`;
    await fetch(`${api}/startLiveView?detectorName=cam&protocol=${protocol}`, { method: 'POST', body: params });
    for (const viewers of [1, 5, 20] as const) {
      const child = fork(fileURLToPath(import.meta.url), ['--clients', String(viewers), '--url', new URL(server.url).origin]);
      const told = async () => {
        child.send('tell');
        const [message] = await once(child, 'message');
        return message as { pictures: number; bytes: number; p50: number; p95: number };
      };
      await delay(3000);
      await told();
      const began = performance.now();
      const load = await server.load(seconds);
      const { pictures, bytes, p50, p95 } = await told();
      const passed = (performance.now() - began) / 1000;
      const each = (sum: number) => (sum / passed / viewers).toFixed(1);
      const cores = (ms: number) => (ms / 1000).toFixed(2);
      const figures = [
        each(pictures),
        each(bytes / 1e6),
        `${p50.toFixed(0)}, ${p95.toFixed(0)}`,
        cores(load.all),
        cores(load.delivery),
        there[viewers],
      ];
      console.log(`| ${[name, viewers, ...figures].join(' | ')} |`);
      child.disconnect();
      await once(child, 'exit');
    }
  }
}
