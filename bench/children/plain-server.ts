// The least that a route of this framework costs: what our own requests are compared with.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { serveParent } from '../child.ts';

const BODY = Buffer.alloc(600, 'a');

const app = Fastify();
app.get('/live/:stream/plain', async (_request, reply) => reply.headers({ 'cache-control': 'no-store' }).type('text/plain').send(BODY));
const url = await app.listen({ host: '127.0.0.1', port: 0 });

// LL-HLS without a framework: a list that is held until its part exists, then the part.
const PART_MS = 200;
const PART = Buffer.alloc(20_000, 'b');
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-security-policy': "frame-ancestors 'self'" };
let held: (() => void)[] = [];
const parts = setInterval(() => {
  for (const answer of held.splice(0)) answer();
}, PART_MS);
const bare = createServer((request, response) => {
  const body = request.url === '/part' ? PART : BODY;
  const answer = () => response.writeHead(200, { ...HEADERS, 'content-length': body.length }).end(body);
  if (request.url === '/part') answer();
  else held.push(answer);
});
await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
const barePort = (bare.address() as AddressInfo).port;

const methods = {
  url: () => url,
  /** `/list` (held) and `/part` on nothing but node:http. */
  bareUrl: () => `http://127.0.0.1:${barePort}`,
  /** CPU time of the process, ms. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

export type PlainMethods = typeof methods;

serveParent(methods, async () => {
  clearInterval(parts);
  held = [];
  bare.closeAllConnections();
  bare.close();
  app.server.closeAllConnections();
  await app.close();
});
