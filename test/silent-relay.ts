// A relay for TCP and UDP that can go silent: the connections stay, nothing passes any more. What a pulled cable looks like.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface SilentRelay extends AsyncDisposable {
  readonly port: number;
  /** Relays UDP to this port of this machine too; gives the port to use instead. */
  udp(target: number): Promise<number>;
  /** From now on nothing passes, in no direction. */
  cut(): void;
}

/** Relays to a port of this machine. */
export async function silentRelay(target: number): Promise<SilentRelay> {
  const sockets = new Set<Socket>();
  const udps: UdpSocket[] = [];
  let cut = false;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const pair: [Socket, Socket][] = [
      [client, upstream],
      [upstream, client],
    ];
    for (const [from, to] of pair) {
      from.setNoDelay(true);
      sockets.add(from);
      from.on('error', () => {});
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => !cut && from.resume());
      from.once('close', () => {
        sockets.delete(from);
        // Behind a cut nobody hears of the end of the other one.
        if (!cut) to.destroy();
      });
    }
    if (cut) for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    port,
    udp: async (to) => {
      const front = createSocket('udp4').bind(0, '127.0.0.1');
      await once(front, 'listening');
      udps.push(front);
      // Each client has a socket of its own behind the relay: the server tells them apart by it.
      const backs = new Map<number, UdpSocket>();
      front.on('message', (message, from) => {
        let back = backs.get(from.port);
        if (!back) {
          back = createSocket('udp4');
          backs.set(from.port, back);
          udps.push(back);
          back.on('message', (answer) => {
            if (!cut) front.send(answer, from.port, from.address);
          });
        }
        if (!cut) back.send(message, to, '127.0.0.1');
      });
      return front.address().port;
    },
    cut: () => {
      cut = true;
      for (const socket of sockets) socket.pause();
    },
    [Symbol.asyncDispose]: async () => {
      cut = true;
      for (const socket of sockets) socket.destroy();
      for (const udp of udps) udp.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
