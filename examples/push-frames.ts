// A server inside your own program, and a stream that it pushes into:  node --conditions=source examples/push-frames.ts
// (From another project: npm install sluice, then node push-frames.ts.)
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer } from 'sluice';

const [width, height, fps] = [640, 480, 30];
await using server = await createServer({ port: Number(process.env.PORT ?? 8000) });
const scope = server.stream('scope', { format: 'gray16le', width, height, significantBits: 12, pixelSize: 0.65 });
console.log(`Open ${server.url}`);

const pixels = new Uint16Array(width * height);
const start = performance.now();
let stopped = false;
process.once('SIGINT', () => {
  stopped = true;
});

for (let n = 0; !stopped; n++) {
  const phase = n / 10;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) pixels[i++] = 2048 + 2047 * Math.sin(Math.hypot(x - width / 2, y - height / 2) / 12 - phase);
  }
  // Resolves when the frame is accepted or dropped; it never waits for viewers. Without `timestamp` the present time is its capture time.
  const { id, dropped } = await scope.push(pixels, { metadata: { phase } });
  if (dropped) console.warn(`frame ${n} was dropped: ${dropped}`);
  else if (id % 150 === 0) console.log(`frame ${id}`);
  await sleep(Math.max(0, start + ((n + 1) * 1000) / fps - performance.now()));
}
