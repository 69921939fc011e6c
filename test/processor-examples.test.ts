// examples/processors: each runs, and does to the pictures what it says.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add as audioEcho } from '../examples/processors/audio-echo.ts';
import { add as greyTint } from '../examples/processors/grey-tint.ts';
import { add as motionMarkers } from '../examples/processors/motion-markers.ts';
import { add as textOutput } from '../examples/processors/text-output.ts';
import type { StreamStats } from '../src/api/schema.ts';
import { readNpy } from '../src/formats/npy.ts';
import { createServer, type LibraryServer } from '../src/index.ts';

let folder: string;
let server: LibraryServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-examples-'));
  process.env.SLUICE_DATA_DIR = folder;
  server = await createServer({ port: 0 });
  for (const add of [greyTint, motionMarkers, textOutput, audioEcho]) add(server);
});
afterAll(async () => {
  await server.close();
  delete process.env.SLUICE_DATA_DIR;
  await rm(folder, { recursive: true, force: true });
});

async function until<T>(what: () => Promise<T | null | undefined | false>): Promise<T> {
  for (;;) {
    const found = await what();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function get<T>(url: string, path: string): Promise<T | null> {
  const answer = await fetch(new URL(path, url));
  return answer.ok ? ((await answer.json()) as T) : null;
}

async function picture(url: string, stream: string) {
  const answer = await fetch(new URL(`live/${stream}/snapshot.npy`, url));
  return answer.ok ? readNpy(new Uint8Array(await answer.arrayBuffer())) : null;
}

/** Somebody watches: what nobody looks at sleeps. */
async function watch(url: string, stream: string): Promise<AsyncDisposable> {
  const end = new AbortController();
  const { body } = await fetch(new URL(`live/${stream}/mjpeg?quality=30`, url), { signal: end.signal });
  const read = body!.pipeTo(new WritableStream()).catch(() => {});
  return {
    async [Symbol.asyncDispose]() {
      end.abort();
      await read;
    },
  };
}

const records = async (url: string, stream: string) =>
  (await get<{ items: { record: Record<string, unknown> }[] }>(url, `api/streams/${stream}/data`))?.items ?? [];

describe('examples/processors', { timeout: 60_000 }, () => {
  it('grey-tint', async () => {
    const { data } = await until(() => picture(server.url, 'tinted'));
    let most = 0;
    for (let p = 0; p < data.length; p += 3) {
      expect(data[p]).toBeGreaterThanOrEqual(data[p + 1]!);
      expect(data[p + 1]).toBeGreaterThanOrEqual(data[p + 2]!);
      most = Math.max(most, data[p]! - data[p + 2]!);
    }
    expect(most).toBeGreaterThan(40);
  });

  it('motion-markers', async () => {
    await using _ = await watch(server.url, 'watched');
    const [first] = await until(async () => {
      const found = await records(server.url, 'watched');
      return found.length > 0 && found;
    });
    expect(first!.record.boxes).toMatchObject([{ x: expect.any(Number), w: expect.any(Number) }]);
    await until(async () =>
      (await get<{ items: { kind: string }[] }>(server.url, 'api/streams/watched/markers'))?.items.some(({ kind }) => kind === 'motion'),
    );
  });

  it('text-output', async () => {
    await using _ = await watch(server.url, 'told');
    const found = await until(async () => (await records(server.url, 'told')).find(({ record }) => record.text));
    expect(found.record.text).toMatch(/^frame \d+: \d+ % light$/);
  });

  it('audio-echo', async () => {
    await using _ = await watch(server.url, 'echoed');
    const processor = await until(async () => {
      const stats = await get<StreamStats>(server.url, 'api/streams/echoed/stats');
      const [found] = stats?.processors ?? [];
      return found?.sound && found.sound.processed > 20 && found;
    });
    expect(processor.error).toBeNull();
    expect(processor.sound!.failed).toBe(0);
  });
});
