// The one UDP port of the WebRTC process.
import { createSocket } from 'node:dgram';

/** The first free UDP port from `wanted` on, of 20; any free one where `wanted` is 0 or none of them is. */
export async function freeUdpPort(wanted: number, address: string | null): Promise<number> {
  for (let port = wanted; wanted > 0 && port < Math.min(65_536, wanted + 20); port++) {
    if ((await tryPort(port, address)) !== null) return port;
  }
  return (await tryPort(0, address)) ?? 0;
}

function tryPort(port: number, address: string | null): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = createSocket(address?.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(null);
    });
    socket.bind({ port, ...(address === null ? {} : { address }), exclusive: true }, () => {
      const { port: bound } = socket.address();
      socket.close(() => resolve(bound));
    });
  });
}
