// A program that answers over HTTP, in any language, looks at the pictures: here it finds the red square in JPEGs.
//   npx node examples/processors/api-call.ts [PORT]
// The built-in `http` sends each picture by POST; what the answer holds as metrics, markers, data and boxes belongs to that very frame, and a
// picture as the answer would replace it.
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '../../src/index.ts';
import { decodePicture } from '../../src/native/picture.ts';

/** The program that is asked. */
async function answering() {
  const program = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { width, data } = await decodePicture(new Uint8Array(Buffer.concat(chunks)), 'image/jpeg');
    let [count, left, right, top, bottom] = [0, width, 0, Number.MAX_SAFE_INTEGER, 0];
    for (let p = 0; p < data.length; p += 3) {
      if (data[p]! < data[p + 1]! + 80 || data[p]! < data[p + 2]! + 80) continue;
      const [x, y] = [(p / 3) % width, Math.floor(p / 3 / width)];
      count++;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
    const boxes = count > 20 ? [{ x: left, y: top, w: right - left, h: bottom - top, label: 'square' }] : [];
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ metrics: { red: count }, ...(boxes.length ? { boxes } : {}) }));
  });
  await new Promise<void>((listening) => program.listen(0, '127.0.0.1', listening));
  return { program, url: `http://127.0.0.1:${(program.address() as AddressInfo).port}/find` };
}

export async function start(port: number) {
  const { program, url } = await answering();
  const server = await createServer({ port });
  server.stream('asked', {
    source: { type: 'pattern', kind: 'squares', width: 320, height: 180, fps: 10 },
    // Four pictures may be on their way at once; behind them the boxes are burnt in.
    processors: [{ use: 'http', params: { url }, flow: { parallel: 4 } }, { use: 'boxes' }],
  });
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      await server.close();
      program.closeAllConnections();
      program.close();
    },
  };
}

if (import.meta.main) console.log(`Open ${(await start(Number(process.argv[2] ?? 8000))).url}`);
