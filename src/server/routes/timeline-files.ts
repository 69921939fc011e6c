// Markers and metrics as files: CSV for `pd.read_csv(url)` and spreadsheets, JSON. Streamed, however long they are.
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { StreamName } from '../../api/schema.ts';
import type { Marker } from '../../api/timeline.ts';
import { fileTime, formatMicros, type Micros } from '../../core/time.ts';
import type { MarkerQuery, StreamTimeline } from '../../timeline/timeline.ts';
import type { RouteContext } from '../context.ts';
import { metricTable, type Table, type TableRow } from '../metric-table.ts';
import type { Timelines } from '../timelines.ts';
import { metricQuery } from './metrics.ts';
import { listOf, MarkerListQuery, MetricListQuery, spanOf } from './timeline-input.ts';

const tags = ['timeline'];
const Params = z.object({ stream: StreamName });
const MarkerFileQuery = MarkerListQuery.pick({ start: true, end: true, kind: true });
const MetricFileQuery = MetricListQuery.omit({ limit: true });
const MARKER_COLUMNS = ['timestamp', 'time', 'frame', 'end', 'endTime', 'endFrame', 'open', 'kind', 'label', 'id', 'data'];
/** Text is sent in pieces of about this many characters. */
const PIECE = 65_536;

const time = (timestamp: number) => formatMicros(timestamp as Micros);

export function timelineFileRoutes({ app, timelines, clock }: RouteContext): void {
  app.get<{ Params: { stream: string } }>(
    '/live/:stream/metrics.csv',
    {
      schema: {
        tags,
        summary: 'Metrics as CSV: one row for each time, one column for each metric (vectors: each element)',
        params: Params,
        querystring: MetricFileQuery,
      },
    },
    async (request, reply) => {
      const { stream } = request.params;
      const timeline = timelines.of(stream);
      const table = await metricTable(timeline.table, metricQuery(MetricFileQuery.parse(request.query)));
      return send(reply, `${stream}_${fileTime((table.start || clock.now()) as Micros)}_metrics.csv`, metricsCsv(table));
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/live/:stream/markers.csv',
    { schema: { tags, summary: 'Markers as CSV, oldest first', params: Params, querystring: MarkerFileQuery } },
    async (request, reply) => {
      const { stream } = request.params;
      const query = markerQuery(request.query);
      const first = await firstTime(timelines, stream, query);
      return send(reply, `${stream}_${fileTime((first ?? clock.now()) as Micros)}_markers.csv`, markersCsv(timelines.of(stream), query));
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/live/:stream/markers.json',
    { schema: { tags, summary: 'All markers of a span as a JSON array', params: Params, querystring: MarkerFileQuery } },
    async (request, reply) => {
      const { stream } = request.params;
      const query = markerQuery(request.query);
      const first = await firstTime(timelines, stream, query);
      return send(reply, `${stream}_${fileTime((first ?? clock.now()) as Micros)}_markers.json`, markersJson(timelines.of(stream), query));
    },
  );

  app.get<{ Params: { stream: string } }>(
    '/live/:stream/metrics.json',
    {
      schema: {
        tags,
        summary: 'Metrics of a span as a JSON array, one object for each time',
        params: Params,
        querystring: MetricFileQuery,
      },
    },
    async (request, reply) => {
      const { stream } = request.params;
      const table = await metricTable(timelines.of(stream).table, metricQuery(MetricFileQuery.parse(request.query)));
      return send(reply, `${stream}_${fileTime((table.start || clock.now()) as Micros)}_metrics.json`, metricsJson(table));
    },
  );
}

/** Metrics as text: a row for each time. */
export function metricsCsv(table: Table): AsyncIterable<string> {
  const lines = async function* () {
    yield csvLine(['timestamp', 'time', 'frame', ...table.columns]);
    for await (const row of table.rows) yield metricLine(row);
  };
  return pieces(lines());
}

/** Metrics as a JSON array: an object for each time. */
export function metricsJson({ columns, rows }: Table): AsyncIterable<string> {
  const objects = async function* () {
    for await (const { timestamp, frame, values } of rows) {
      const row: Record<string, number | null> = {};
      for (const [i, name] of columns.entries()) if (!Number.isNaN(values[i])) row[name] = values[i]!;
      yield { timestamp, frame, values: row };
    }
  };
  return jsonArray(objects());
}

/** Markers as text: a row for each. */
export function markersCsv(timeline: StreamTimeline, query: MarkerQuery): AsyncIterable<string> {
  const lines = async function* () {
    yield csvLine(MARKER_COLUMNS);
    for await (const marker of allMarkers(timeline, query)) yield markerLine(marker);
  };
  return pieces(lines());
}

/** Markers as a JSON array. */
export function markersJson(timeline: StreamTimeline, query: MarkerQuery): AsyncIterable<string> {
  return jsonArray(allMarkers(timeline, query));
}

/** Data records of a span as a JSON array. */
export function dataJson(timeline: StreamTimeline, span: { readonly start: number; readonly end: number }): AsyncIterable<string> {
  const items = async function* () {
    for (let after: string | undefined; ; ) {
      const page = await timeline.data({ ...span, ...(after === undefined ? {} : { after }) });
      yield* page.items;
      if (page.next === undefined) return;
      after = page.next;
    }
  };
  return jsonArray(items());
}

function jsonArray(values: AsyncIterable<unknown>): AsyncIterable<string> {
  const parts = async function* () {
    let before = '[';
    for await (const value of values) {
      yield `${before}\n${JSON.stringify(value)}`;
      before = ',';
    }
    yield before === '[' ? '[]\n' : '\n]\n';
  };
  return pieces(parts());
}

function send(reply: FastifyReply, name: string, parts: AsyncIterable<string>): FastifyReply {
  const type = name.endsWith('.csv') ? 'text/csv; charset=utf-8; header=present' : 'application/json; charset=utf-8';
  return reply
    .headers({ 'cache-control': 'no-store', 'content-disposition': `attachment; filename="${name}"` })
    .type(type)
    .send(Readable.from(parts));
}

/** Puts short texts together: a row alone is too small for a write. */
async function* pieces(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece) yield piece;
}

function markerQuery(raw: unknown): MarkerQuery {
  const { kind, ...query } = MarkerFileQuery.parse(raw);
  const kinds = listOf(kind);
  return { ...spanOf(query), ...(kinds ? { kinds } : {}) };
}

async function firstTime(timelines: Timelines, stream: string, query: MarkerQuery): Promise<number | undefined> {
  return (await timelines.of(stream).markers({ ...query, limit: 1 })).items[0]?.timestamp;
}

async function* allMarkers(timeline: StreamTimeline, query: MarkerQuery): AsyncGenerator<Marker> {
  for (let after: string | undefined; ; ) {
    const page = await timeline.markers({ ...query, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    if (page.next === undefined) return;
    after = page.next;
  }
}

function metricLine({ timestamp, frame, values }: TableRow): string {
  let line = `${timestamp},${time(timestamp)},${frame ?? ''}`;
  for (const value of values) line += Number.isNaN(value) ? ',' : `,${value}`;
  return `${line}\n`;
}

function markerLine({ timestamp, frame, end, endFrame, open, kind, label, id, data }: Marker): string {
  return csvLine([
    String(timestamp),
    time(timestamp),
    frame === null ? '' : String(frame),
    end === null ? '' : String(end),
    end === null ? '' : time(end),
    endFrame === null ? '' : String(endFrame),
    String(open),
    kind,
    label,
    id,
    data === null ? '' : JSON.stringify(data),
  ]);
}

/** RFC 4180, with plain line feeds. */
function csvLine(fields: readonly string[]): string {
  return `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`;
}
