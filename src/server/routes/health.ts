// Whether the server lives, whether it is ready, what it is, and its figures for Prometheus.
import { admissionOf } from '../access.ts';
import type { RouteContext } from '../context.ts';
import { prometheus } from '../prometheus.ts';

/** @param versions what `/version` tells beside its own */
export function healthRoutes(
  { app, streams, timelines, config, clock, trickle, version }: RouteContext,
  versions: Readonly<Record<string, unknown>> = {},
): void {
  const tags = ['health'];
  app.get('/healthz', { schema: { tags, summary: 'Liveness' } }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send('ok\n'),
  );

  app.get('/readyz', { schema: { tags, summary: 'Readiness, with reasons' } }, async (_request, reply) => {
    const failed = streams.registry
      .all()
      .filter((stream) => stream.state === 'failed')
      .map((stream) => ({ stream: stream.name, reason: stream.reason }));
    // A failed stream is not a failed server: others work.
    return reply.send({ ready: true, streams: streams.registry.all().length, failed });
  });

  app.get('/version', { schema: { tags, summary: 'Versions' } }, async () => ({
    sluice: version,
    node: process.version,
    api: 1,
    ...versions,
  }));

  app.get('/metrics', { schema: { tags, summary: 'Prometheus metrics' } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(prometheus(streams, trickle)),
  );

  app.get('/api/system', { schema: { tags, summary: 'The server as the page shows it' } }, async (request) => ({
    version,
    now: clock.now(),
    disk: { bytes: streams.diskBytes + timelines.diskBytes, limit: config.maxBytes, dataDir: config.dataDir },
    auth: { needed: config.token !== null, rights: admissionOf(request).rights },
    streams: streams.registry.all().length,
  }));
}
