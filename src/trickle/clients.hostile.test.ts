// Clients before servers that answer anything: they neither throw nor hang nor ask without end.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TricklePublisher } from './publisher.ts';
import { TrickleSubscriber } from './subscriber.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What becomes of the connection. `early`: answered before the body of the request has come. */
  readonly way: 'whole' | 'early' | 'cut' | 'cut-before';
}

const number = fc.oneof(fc.nat({ max: 12 }).map(String), fc.constantFrom('-1', '', '1e9', '9007199254740991', '99999999999999999', 'x'));
const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 204, 301, 400, 401, 404, 404, 409, 413, 429, 470, 470, 500, 503),
  headers: fc
    .record({ 'lp-trickle-seq': number, 'lp-trickle-latest': number, 'lp-trickle-closed': fc.constant('terminated') }, { requiredKeys: [] })
    .map((headers) => headers as Record<string, string>),
  body: fc.string({ maxLength: 20 }),
  way: fc.constantFrom('whole', 'whole', 'early', 'cut', 'cut-before'),
});

async function serve(answers: readonly Answer[]): Promise<{ url: string; asked: () => number; close(): Promise<void> }> {
  let asked = 0;
  const server: Server = createServer((request, response) => {
    const { status, headers, body, way } = answers[asked++ % answers.length]!;
    if (way === 'cut-before') return void request.socket.destroy();
    const send = () => {
      response.writeHead(status, headers);
      if (way === 'cut') response.write('broken', () => request.socket.destroy());
      else response.end(status === 204 ? undefined : body);
    };
    request.resume();
    if (way === 'early') send();
    else request.on('end', send);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cam`,
    asked: () => asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('clients before a server that answers anything', () => {
  it('read what there is and come to an end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 6 }), async (answers) => {
        const server = await serve(answers);
        await using subscriber = new TrickleSubscriber(server.url, { retries: 2, pause: 1, waitMissing: 5 });
        for (let read = 0; read < 10; read++) {
          const segment = await subscriber.next();
          if (!segment) break;
          expect(Number.isSafeInteger(segment.seq) && segment.seq >= 0).toBe(true);
          for await (const part of segment) expect(part.length).toBeGreaterThan(0);
        }
        await subscriber.close();
        expect(await subscriber.next()).toBeNull();
        // Each segment, each failure and each jump is a request or two, and no more.
        expect(server.asked()).toBeLessThan(150);
        await server.close();
      }),
      { numRuns: 60 },
    );
  });

  it('write what they can, settle every segment and come to an end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(answer, { minLength: 1, maxLength: 6 }), async (answers) => {
        const server = await serve(answers);
        const publisher = new TricklePublisher(server.url, { retries: 3, pause: 1, maxPause: 4, answerTimeout: 100, closeTimeout: 100 });
        for (let n = 0; n < 4; n++) {
          let segment: ReturnType<typeof publisher.next>;
          try {
            segment = publisher.next();
          } catch (error) {
            expect(error).toMatchObject({ code: 'gone' });
            break;
          }
          segment.write(Buffer.from(`segment ${n}`));
          expect(['done', 'dropped']).toContain(await segment.end());
        }
        await publisher.close();
        expect(['closed', 'ended', 'not-found', 'failed']).toContain(await publisher.ended);
        const { segments, dropped } = publisher.figures;
        expect(segments + dropped).toBeLessThanOrEqual(4);
        expect(server.asked()).toBeLessThan(150);
        await server.close();
      }),
      { numRuns: 60 },
    );
  });
});
