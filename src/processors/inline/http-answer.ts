// What a program may answer beside a picture: a JSON object, read strictly where its keys mean something.
import { z } from 'zod';
import type { ProcessorContext } from '../define.ts';
import type { Json } from '../processor.ts';

const number = z.number().nullable();

/** Keys that are not named here make a data record of their own. */
export const HttpAnswer = z.looseObject({
  metrics: z.record(z.string().min(1).max(64), z.union([number, z.array(number).max(1024)])).optional(),
  markers: z
    .array(
      z.looseObject({
        label: z.string().max(500),
        kind: z.string().max(64).optional(),
        id: z.string().max(128).optional(),
        data: z.json().optional(),
      }),
    )
    .max(100)
    .optional(),
  data: z.union([z.record(z.string(), z.json()), z.array(z.record(z.string(), z.json())).max(100)]).optional(),
  withhold: z.boolean().optional(),
});
export type HttpAnswer = z.output<typeof HttpAnswer>;

type Say = Pick<ProcessorContext<unknown, unknown>, 'metric' | 'marker' | 'data'>;

/** Binds all of it to the frame at hand. */
export function sayAll({ metrics, markers = [], data = [], withhold, ...others }: HttpAnswer, say: Say): 'pass' | 'withhold' {
  if (metrics && Object.keys(metrics).length > 0) say.metric(metrics);
  for (const { label, kind, id, data: more } of markers) {
    say.marker({
      label,
      ...(kind === undefined ? {} : { kind }),
      ...(id === undefined ? {} : { id }),
      ...(more === undefined ? {} : { data: more }),
    });
  }
  for (const record of Array.isArray(data) ? data : [data]) say.data(record);
  if (Object.keys(others).length > 0) say.data(others as Record<string, Json>);
  return withhold === true ? 'withhold' : 'pass';
}
