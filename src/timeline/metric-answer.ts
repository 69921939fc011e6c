// Rows of the store of metrics as they go over the wire: times delta coded, gaps as null.
import type { MetricAnswer, MetricConfig, MetricSeries } from '../api/timeline.ts';
import type { MetricRows, SeriesRows } from './metric-schema.ts';

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);
const withNulls = (values: Float64Array): (number | null)[] => Array.from(values, orNull);

/** @param frameAt frame of a raw sample that was bound to its time alone */
export function metricAnswer(
  rows: MetricRows,
  config: Readonly<Record<string, MetricConfig>>,
  frameAt: (timestamp: number) => number | null,
): MetricAnswer {
  return {
    start: rows.start,
    end: rows.end,
    step: rows.step,
    series: rows.series.map((series) => seriesOf(series, Object.hasOwn(config, series.name) ? config[series.name]! : {}, frameAt)),
  };
}

function seriesOf(rows: SeriesRows, config: MetricConfig, frameAt: (timestamp: number) => number | null): MetricSeries {
  const { name, width, timestamp, value, frame, min, max, mean, count, truncated } = rows;
  let before = 0;
  const deltas = Array.from(timestamp, (time) => {
    const delta = time - before;
    before = time;
    return delta;
  });
  return {
    name,
    unit: config.unit ?? null,
    label: config.label ?? null,
    width,
    timestamp: deltas,
    ...(frame ? { frame: Array.from(frame, (id, i) => (Number.isNaN(id) ? frameAt(timestamp[i]!) : id)) } : {}),
    ...(value ? { value: valuesOf(value, width) } : {}),
    ...(min ? { min: withNulls(min) } : {}),
    ...(max ? { max: withNulls(max) } : {}),
    ...(mean ? { mean: withNulls(mean) } : {}),
    ...(count ? { count: Array.from(count) } : {}),
    truncated,
  };
}

function valuesOf(value: Float64Array, width: number): NonNullable<MetricSeries['value']> {
  if (width === 1) return withNulls(value);
  return Array.from({ length: value.length / width }, (_, i) => withNulls(value.subarray(i * width, (i + 1) * width)));
}
