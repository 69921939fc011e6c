// Reads the Prometheus text format 0.0.4 as strictly as its description has it: whatever a scraper could stumble over is an error.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

/** Families by name. Throws with the line that is wrong. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end with a line feed');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current = '';
  let help = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const wrong = (why: string) => new Error(`${why}: ${line}`);
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (!NAME.test(name)) throw wrong('no name of a metric');
      if (kind === 'HELP') {
        if (families.has(name)) throw wrong('a family stands in two places');
        [current, help] = [name, rest];
      } else {
        if (name !== current || families.has(name) || !TYPES.has(rest)) throw wrong('TYPE without its HELP, twice or unknown');
        families.set(name, { type: rest, help, samples: [] });
      }
      continue;
    }
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line);
    if (!match) throw wrong('neither a comment nor a sample');
    const [, name = '', inside = '', number = ''] = match;
    const family = families.get(current);
    const base = family?.type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
    if (!family || base !== current || (family.type === 'histogram' && base === name)) throw wrong('a sample outside of its family');
    const labels: Record<string, string> = {};
    for (const [, key = '', value = ''] of inside.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"/g)) {
      if (key in labels) throw wrong('a label twice');
      labels[key] = value.replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char));
    }
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) throw wrong('a series twice');
    seen.add(key);
    const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
    if (Number.isNaN(value) || (family.type !== 'gauge' && value < 0)) throw wrong('no number, or a negative one');
    family.samples.push({ name, labels, value });
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family);
  return families;
}

/** Buckets rise with their ends, and the last one is the count. */
function checkHistogram(name: string, { samples }: Family): void {
  const series = Map.groupBy(samples, ({ labels: { le: _le, ...rest } }) => JSON.stringify(Object.entries(rest).sort()));
  for (const [labels, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const counts = own.filter((sample) => sample.name === `${name}_count`);
    const sums = own.filter((sample) => sample.name === `${name}_sum`);
    const ends = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)));
    const rising = (values: number[], strictly: boolean) =>
      values.every((value, i) => i === 0 || value > values[i - 1]! || (!strictly && value === values[i - 1]));
    const whole =
      counts.length === 1 && sums.length === 1 && ends.at(-1) === Number.POSITIVE_INFINITY && buckets.at(-1)!.value === counts[0]!.value;
    if (
      !whole ||
      !rising(ends, true) ||
      !rising(
        buckets.map(({ value }) => value),
        false,
      )
    )
      throw new Error(`${name}${labels}: no whole histogram`);
  }
}

/** The one value of a series, `undefined` if it is not there. */
export function seriesValue(families: Map<string, Family>, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  return family?.samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value;
}
