// A viewer of lossless pictures in a process of its own: `node lossless-viewer.ts URL STREAM`. A line for each picture: its frame id, capture
// time and the SHA-256 of its pixels.
import { createHash } from 'node:crypto';
import WebSocket from 'ws';
import { readFrameHeader } from '../../src/formats/frame-header.ts';
import { restorePixels } from '../../src/formats/lossless.ts';
import { decompressZstd } from '../../src/native/compress.ts';

const [url, stream] = process.argv.slice(2);
const socket = new WebSocket(new URL(`/live/${stream}/ws?codec=lossless`, url));
socket.on('message', (data: Buffer, binary) => {
  if (!binary) return;
  const header = readFrameHeader(data);
  const pixels = restorePixels(header, data.subarray(header.headerBytes), decompressZstd);
  process.stdout.write(`${header.id} ${header.timestamp} ${createHash('sha256').update(pixels).digest('hex')}\n`);
  socket.send(JSON.stringify({ type: 'ack', id: header.id }));
});
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(1));
