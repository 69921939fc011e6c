// A program that pushes small gray frames at 30 fps over a WebSocket until it is ended: `push-forever.ts SERVER STREAM LEVEL`.
import WebSocket from 'ws';
import { writeFrameHeader } from '../../src/formats/frame-header.ts';

const [server, stream, level] = process.argv.slice(2);
const payload = new Uint8Array(64 * 48).fill(Number(level));
const socket = new WebSocket(`${server!.replace('http', 'ws')}api/streams/${stream}/frames`);
socket.on('message', (text) => process.stdout.write(`${String(text)}\n`));
socket.on('close', () => process.exit(0));
socket.on('open', () => {
  setInterval(() => {
    const header = writeFrameHeader({ format: 'gray', width: 64, height: 48, payloadBytes: payload.length });
    socket.send(Buffer.concat([header, payload]));
  }, 33);
});
