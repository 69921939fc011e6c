// Trickle channels of this server as they stand now.
import { z } from 'zod';
import type { RouteContext } from '../context.ts';

const count = z.number().int();

/** Answer of `GET /api/trickle`. */
const TrickleAnswer = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      contentType: z.string(),
      owner: z.string().nullable().describe('part of this server that writes it; null: whoever publishes'),
      seq: count.describe('number of the segment begun last; -1 = none yet'),
      age: z.number().nullable().describe('ms since it began'),
      segments: count.describe('begun so far'),
      bytes: count.describe('taken so far'),
      held: count.describe('bytes in memory'),
      readers: count,
      refused: count.describe('writers and readers turned away'),
      cut: count.describe('readers cut off because they did not keep up'),
    }),
  ),
});

export function trickleRoutes({ app, trickle }: RouteContext): void {
  app.get(
    '/api/trickle',
    { schema: { tags: ['trickle'], summary: 'Trickle channels of this server', response: { 200: TrickleAnswer } } },
    async (): Promise<z.infer<typeof TrickleAnswer>> => ({
      items: trickle.stats().map(({ since, ...stats }) => ({
        ...stats,
        owner: trickle.get(stats.name)?.owner ?? null,
        age: since === null ? null : Math.round(trickle.now() - since),
      })),
    }),
  );
}
