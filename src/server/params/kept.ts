// Params that were changed while a stream of the configuration file, or of a program, was there. They hold after a restart as long as the
// file or the program says the same as before: who changes the file is heard.
import { z } from 'zod';
import { StreamConfig } from '../../api/schema.ts';
import { same } from '../../pipeline/params/param-set.ts';
import { paramsOf, withParams } from '../../pipeline/params/parts.ts';

const Values = z.record(z.string(), z.unknown());
const Kept = z.record(z.string(), z.object({ use: z.string(), given: Values, values: Values }));

/** JSON of what differs from the configuration that was given; `null` = nothing does. */
export function keptParams(given: StreamConfig, now: StreamConfig): string | null {
  const before = paramsOf(given);
  const kept: z.infer<typeof Kept> = {};
  for (const [id, { use, params }] of paramsOf(now)) {
    const first = before.get(id);
    if (first && first.use === use && !same(first.params, params)) kept[id] = { use, given: { ...first.params }, values: { ...params } };
  }
  return Object.keys(kept).length ? JSON.stringify(kept) : null;
}

/** The configuration that was given with the params that were kept. What does not fit any more is left out. */
export function restored(given: StreamConfig, data: string | null): StreamConfig {
  if (data === null) return given;
  const kept = Kept.safeParse(JSON.parse(data));
  if (!kept.success) return given;
  let config = given;
  for (const [id, { use, params }] of paramsOf(given)) {
    const one = Object.hasOwn(kept.data, id) ? kept.data[id] : undefined;
    // Through JSON, as the kept ones went: what is not set is not there.
    if (!one || one.use !== use || !same(one.given, JSON.parse(JSON.stringify(params)))) continue;
    const next = StreamConfig.safeParse(withParams(config, new Map([[id, one.values]])));
    if (next.success) config = next.data;
  }
  return config;
}
