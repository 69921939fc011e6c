// For tests: a program that speaks with a server as docs/processors.md says, written by itself as one in another language would be.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type FrameHeader, readFrameHeader, writeFrameHeader } from '../src/formats/frame-header.ts';
import type { ProgramAddress } from '../src/processors/external/address.ts';

type Text = Record<string, unknown>;

export class ExternalProgram {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #arrived = Promise.withResolvers<void>();
  #file = -1;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#arrived.resolve();
    });
    socket.on('error', () => {});
  }

  /** Connects as soon as somebody listens. */
  static async connect(address: () => ProgramAddress): Promise<ExternalProgram> {
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<Socket | null>();
      try {
        const socket = connect({ ...address() });
        socket.once('connect', () => resolve(socket)).once('error', () => resolve(null));
      } catch {
        resolve(null);
      }
      const socket = await promise;
      if (socket) return new ExternalProgram(socket);
      await new Promise((wait) => setTimeout(wait, 10));
    }
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      this.#arrived = Promise.withResolvers<void>();
      await this.#arrived.promise;
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }

  /** The next text of this type; others are left out. */
  async next(type: string): Promise<Text> {
    for (;;) {
      const head = await this.#take(8);
      if (head.toString('latin1', 0, 4) !== 'SLT1') throw new Error(`${head.toString('latin1', 0, 4)} came instead of ${type}`);
      const text = JSON.parse((await this.#take(head.readUInt32LE(4))).toString()) as Text;
      if (text.type === type) return text;
    }
  }

  /** The picture that comes next: its bytes, or where they lie. */
  async picture(): Promise<{ header: FrameHeader; payload: Buffer; offset: number | null }> {
    const head = await this.#take(6);
    const header = readFrameHeader(Buffer.concat([head, await this.#take(head.readUInt16LE(4) - 6)]));
    const placed = header.flags === 1;
    const rest = await this.#take(placed ? 8 : header.payloadBytes);
    return { header, payload: placed ? Buffer.alloc(0) : rest, offset: placed ? Number(rest.readBigUInt64LE()) : null };
  }

  text(text: Text): void {
    const body = Buffer.from(JSON.stringify(text));
    const head = Buffer.from('SLT1....');
    head.writeUInt32LE(body.length, 4);
    this.bytes(Buffer.concat([head, body]));
  }

  bytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  // ---- shared memory

  map({ path, memory }: Text): void {
    this.#file = openSync(path as string, 'r+');
    this.text({ type: 'mapped', memory });
  }

  mapped(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#file, bytes, 0, length, offset);
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    writeSync(this.#file, bytes, 0, bytes.length, offset);
  }

  /** A picture that lies in the shared memory. */
  placed({ format, width, height, payloadBytes }: FrameHeader, offset: number): void {
    const place = Buffer.alloc(8);
    place.writeBigUInt64LE(BigInt(offset));
    this.bytes(Buffer.concat([writeFrameHeader({ format, width, height, payloadBytes, flags: 1 }), place]));
  }

  close(): void {
    this.#socket.destroy();
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }
}
