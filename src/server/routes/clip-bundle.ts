// `GET /live/{stream}/clip.zip`: a clip with the markers, metrics and data of its span, for people who take it away.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';
import { z } from 'zod';
import { StreamName } from '../../api/schema.ts';
import { SluiceError } from '../../core/errors.ts';
import { ZIP_LIMIT, type ZipEntry, type ZipWritten, zipDescriptor, zipDirectory, zipHead } from '../../formats/zip.ts';
import type { Clip } from '../../outputs/hls/clip.ts';
import type { RouteContext } from '../context.ts';
import { metricTable } from '../metric-table.ts';
import { dataJson, markersCsv, markersJson, metricsCsv, metricsJson } from './timeline-files.ts';

/** Room for head, tables of the archive and texts beside the video. */
const RESERVE = 256 * 1024 * 1024;

/** `openClip` plans and opens a clip from a query `start|startFrame`, `end|endFrame`. */
export function clipBundleRoute(context: RouteContext, openClip: (stream: string, query: unknown) => Promise<Clip>): void {
  const { app, timelines, meter } = context;
  app.get<{ Params: { stream: string } }>(
    '/live/:stream/clip.zip',
    {
      schema: {
        tags: ['timeline'],
        summary: 'A clip as MP4 with its markers, metrics and data as CSV and JSON, in one ZIP',
        params: z.object({ stream: StreamName }),
      },
    },
    async (request, reply) => {
      const { stream } = request.params;
      const clip = await openClip(stream, request.query);
      if (clip.length > ZIP_LIMIT - RESERVE) {
        throw new SluiceError('too-large', `the clip has ${clip.length} bytes; a ZIP takes less than 4 GB: use clip.mp4`, {
          received: clip.length,
          allowed: ZIP_LIMIT - RESERVE,
        });
      }
      const timeline = timelines.of(stream);
      const span = { start: clip.plan.first.timestamp, end: clip.plan.until - 1 };
      // A table is read once.
      const table = async () => await metricTable(timeline.table, { ...span, step: 0 });
      const texts: [string, AsyncIterable<string>][] = [
        ['markers.csv', markersCsv(timeline, span)],
        ['markers.json', markersJson(timeline, span)],
        ['metrics.csv', metricsCsv(await table())],
        ['metrics.json', metricsJson(await table())],
        ['data.json', dataJson(timeline, span)],
      ];
      meter('clip', stream).served(clip.length);
      return reply
        .headers({ 'cache-control': 'no-store', 'content-disposition': `attachment; filename="${clip.name}.zip"` })
        .type('application/zip')
        .send(Readable.from(archive(clip, texts), { objectMode: false }));
    },
  );
}

async function* archive(clip: Clip, texts: readonly [string, AsyncIterable<string>][]): AsyncGenerator<Uint8Array> {
  const modified = clip.plan.first.timestamp / 1000;
  const written: ZipWritten[] = [];
  let at = 0;
  const put = (bytes: Uint8Array): Uint8Array => {
    at += bytes.length;
    return bytes;
  };
  // Read twice: many programs cannot open a stored file whose checksum comes behind it.
  let crc = 0;
  for await (const bytes of clip.read()) crc = crc32(bytes, crc);
  const video = { name: `${clip.name}.mp4`, modified, method: 'stored', crc, size: clip.length, packed: clip.length, offset: at } as const;
  written.push(video);
  yield put(zipHead(video, video));
  for await (const bytes of clip.read()) yield put(bytes);
  for (const [name, text] of texts) {
    const entry: ZipEntry = { name: `${clip.name}_${name}`, modified, method: 'deflated' };
    const offset = at;
    yield put(zipHead(entry));
    const sums = { crc: 0, size: 0, packed: 0 };
    for await (const bytes of deflated(text, sums)) yield put(bytes);
    yield put(zipDescriptor(sums));
    written.push({ ...entry, ...sums, offset });
  }
  yield zipDirectory(written, at);
}

/** Text packed as it comes; `sums` are complete when it ends. */
async function* deflated(text: AsyncIterable<string>, sums: { crc: number; size: number; packed: number }): AsyncGenerator<Uint8Array> {
  const counted = async function* () {
    for await (const piece of text) {
      const bytes = Buffer.from(piece);
      sums.crc = crc32(bytes, sums.crc);
      sums.size += bytes.length;
      yield bytes;
    }
  };
  const packer = createDeflateRaw({ level: 5 });
  const feed = pipeline(Readable.from(counted()), packer);
  // What goes wrong ends the loop below as well.
  feed.catch(() => {});
  for await (const bytes of packer as AsyncIterable<Buffer>) {
    sums.packed += bytes.length;
    yield bytes;
  }
  await feed;
}
