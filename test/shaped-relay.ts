// A relay for TCP that lets only so many bytes per second through towards the client (token bucket): a narrow way for one viewer.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

const TICK_MS = 10;
/** Bytes that may come at once after a pause. */
const BURST = 16_000;

export interface ShapedRelay extends AsyncDisposable {
  readonly port: number;
  /** bit/s towards the client. */
  rate: number;
}

/** Relays to a port of this machine. */
export async function shapedRelay(target: number, rate: number): Promise<ShapedRelay> {
  const sockets = new Set<Socket>();
  const relay = { rate };
  const server = createServer((client) => {
    // Small buffers, as at a modem: what does not fit must wait at the sender.
    const upstream = connect({ port: target, host: '127.0.0.1', highWaterMark: 16_384 } as never);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(upstream);
    let tokens = BURST;
    const timer = setInterval(() => {
      tokens = Math.min(BURST, tokens + (relay.rate / 8000) * TICK_MS);
      while (tokens >= 1) {
        const chunk = upstream.read(Math.min(Math.floor(tokens), Math.max(1, upstream.readableLength))) as Buffer | null;
        if (!chunk) break;
        tokens -= chunk.length;
        client.write(chunk);
      }
    }, TICK_MS);
    upstream.once('close', () => clearInterval(timer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    get rate() {
      return relay.rate;
    },
    set rate(value: number) {
      relay.rate = value;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
