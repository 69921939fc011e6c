// Bytes to measure a way with: as many as asked for, up to a limit, and of a sort that no proxy makes smaller.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { RouteContext } from '../context.ts';

const MOST = 8_000_000;
/** Beyond the window of deflate, so that the same block again is not seen as one. */
const BLOCK = 65_536;

const Query = z.object({ bytes: z.coerce.number().int().min(1).max(MOST).default(1_000_000) });

export function bandwidthRoute({ app }: RouteContext): void {
  const block = randomBytes(BLOCK);
  app.get(
    '/api/bandwidth',
    { schema: { tags: ['health'], summary: `Random bytes, to measure the way with; at most ${MOST}`, querystring: Query } },
    async (request, reply) => {
      const { bytes } = Query.parse(request.query);
      const body = Readable.from(blocks(block, bytes));
      return reply.headers({ 'content-length': bytes, 'cache-control': 'no-store' }).type('application/octet-stream').send(body);
    },
  );
}

function* blocks(block: Buffer, bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= block.length) yield left < block.length ? block.subarray(0, left) : block;
}
