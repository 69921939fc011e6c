import type { Server, Socket } from 'node:net';

/**
 * The open connections of a server from their beginning, so that it can cut them off when it closes: one whose TLS handshake has not come,
 * and a session of HTTP/2, are none of HTTP/1.1 and would keep it open until their time is over.
 */
export function openConnections(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
