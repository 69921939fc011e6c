// The least that a route of this framework costs: what our own requests are compared with.
import Fastify from 'fastify';
import { serveParent } from '../child.ts';

const BODY = Buffer.alloc(600, 'a');

const app = Fastify();
app.get('/live/:stream/plain', async (_request, reply) => reply.headers({ 'cache-control': 'no-store' }).type('text/plain').send(BODY));
const url = await app.listen({ host: '127.0.0.1', port: 0 });

const methods = {
  url: () => url,
  /** CPU time of the process, ms. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

export type PlainMethods = typeof methods;

serveParent(methods, async () => {
  app.server.closeAllConnections();
  await app.close();
});
