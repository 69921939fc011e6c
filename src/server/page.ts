// The page: files of the web build, the dashboard at `/`, one player at `/embed/{stream}`, pages of the program itself at `/pages/{name}`.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { SluiceError } from '../core/errors.ts';
import { parseStreamName } from '../core/stream-name.ts';

/** Folder of the web build: beside the sources in a clone, beside the compiled files in the package. */
function webFolder(): string | null {
  for (const path of ['../../dist/web', '../../web']) {
    const folder = fileURLToPath(new URL(path, import.meta.url));
    if (existsSync(join(folder, 'index.html')) && existsSync(join(folder, 'player.js'))) return folder;
  }
  return null;
}

/** @param pages HTML by name; may change while the server runs */
export async function pageRoutes(
  app: FastifyInstance,
  frameAncestors: readonly string[],
  pages: ReadonlyMap<string, string>,
): Promise<void> {
  const folder = webFolder();
  const ancestors = frameAncestors.length ? frameAncestors.join(' ') : "'self'";
  // Everything comes from this server; blob: for pictures and workers, data: for icons.
  const policy = `default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; connect-src 'self' ws: wss:; frame-ancestors ${ancestors}`;
  const html = async (name: string) => {
    if (!folder) throw new SluiceError('unavailable', 'the page has not been built: run "npm run build:web" once');
    return await readFile(join(folder, name), 'utf8');
  };
  app.get('/', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .headers({ 'content-security-policy': policy, 'cache-control': 'no-cache' })
      .type('text/html; charset=utf-8')
      .send(await html('index.html')),
  );
  app.get<{ Params: { stream: string } }>('/embed/:stream', { schema: { hide: true } }, async (request, reply) => {
    parseStreamName(request.params.stream);
    // No restriction of scripts here: the one-player page shows nothing that others wrote, and people measure it with scripts of their own.
    const embedPolicy = `object-src 'none'; base-uri 'self'; frame-ancestors ${ancestors}`;
    // The page lies one level deeper than its files.
    const text = (await html('embed.html')).replaceAll('="./', '="../');
    return reply
      .headers({ 'content-security-policy': embedPolicy, 'cache-control': 'no-cache' })
      .type('text/html; charset=utf-8')
      .send(text);
  });
  // What the program that runs the server shows is its own affair, scripts included.
  app.get<{ Params: { name: string } }>('/pages/:name', { schema: { hide: true } }, async (request, reply) => {
    const text = pages.get(request.params.name);
    if (text === undefined) throw new SluiceError('not-found', `there is no page "${request.params.name}" on this server`);
    return reply
      .headers({ 'content-security-policy': `object-src 'none'; frame-ancestors ${ancestors}`, 'cache-control': 'no-cache' })
      .type('text/html; charset=utf-8')
      .send(text);
  });
  // Short enough to type or for a small QR code; the page itself keeps its routes in the query.
  for (const path of ['/share', '/share/:stream']) {
    app.get<{ Params: { stream?: string }; Querystring: Record<string, string> }>(
      path,
      { schema: { hide: true } },
      async (request, reply) => {
        const { stream } = request.params;
        const query = new URLSearchParams({ share: stream === undefined ? '' : parseStreamName(stream) });
        // Only where the browser did not let us take it off: the page at the root then does.
        if (request.query.token) query.set('token', request.query.token);
        return reply.header('cache-control', 'no-store').redirect(`${stream === undefined ? './' : '../'}?${query}`, 302);
      },
    );
  }
  if (!folder) return;
  await app.register(fastifyStatic, {
    root: folder,
    index: false,
    setHeaders: (response, path) => {
      // player.js is loaded by pages of any origin; the names of assets change with their content.
      response.header('access-control-allow-origin', '*');
      response.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
