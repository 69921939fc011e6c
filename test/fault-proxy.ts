// A way between client and server that fails on demand: cut, slow, closed to new connections, silent in both directions.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export class FaultProxy implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #refusing = false;
  #silent = false;
  /** Connections that were taken since the start. */
  connections = 0;

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
  }

  static async before(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The address by way of this. */
  through(url: string): string {
    const way = new URL(url);
    way.port = String((this.#server.address() as AddressInfo).port);
    return way.href;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Bytes that went to clients on the connections that are open. */
  get toClients(): number {
    return [...this.#pairs].reduce((sum, [near]) => sum + near.bytesWritten, 0);
  }

  /** Bytes take so long each way on connections made from now on, ms. */
  delay = 0;

  /** New connections are reset at once. */
  set refusing(yes: boolean) {
    this.#refusing = yes;
  }

  /** Nothing passes on connections made from now on, and nothing is closed; those from before go on. */
  set silent(yes: boolean) {
    this.#silent = yes;
  }

  /** Nothing passes any more on the connections that are there. */
  freeze(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  /** Resets all connections. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    this.connections++;
    near.on('error', () => {});
    if (this.#refusing) return void near.resetAndDestroy();
    const far = connect(this.#target);
    far.on('error', () => {});
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [socket, other] of [pair, [far, near] as const]) {
      socket.on('close', () => {
        this.#pairs.delete(pair);
        // Half a way is of no use to a test.
        if (!other.destroyed) other.destroy();
      });
    }
    if (this.#silent) near.pause();
    else if (this.delay > 0) {
      near.pipe(delayed(this.delay)).pipe(far);
      far.pipe(delayed(this.delay)).pipe(near);
    } else {
      near.pipe(far);
      far.pipe(near);
    }
  }
}

/** Hands everything on later, in order, however much is on its way. */
function delayed(ms: number): Transform {
  return new Transform({
    highWaterMark: 2 ** 24,
    transform(chunk, _encoding, taken) {
      setTimeout(() => this.destroyed || this.push(chunk), ms);
      taken();
    },
    flush(done) {
      setTimeout(done, ms);
    },
  });
}
