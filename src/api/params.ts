// The params of a stream on the wire: those of its source and of all its processors as one set, and presets of them.
import './without-eval.ts';
import { z } from 'zod';

/** Id of the source among the parts that have params; processors have their own. */
export const SOURCE_PART = 'source';

const Values = z.record(z.string(), z.unknown()).describe('by address: the name, or id.name where two parts share it');

/** Where a value comes from. */
export const ParamOrigin = z.object({
  part: z.string().describe('source, or the id of a processor'),
  use: z.string().describe('type of the source, or what the processor is'),
  name: z.string().describe('name in its part'),
  set: z.enum(['default', 'config', 'live']).describe('who gave it: nobody, the configuration, or somebody while the stream was there'),
  live: z.boolean().describe('changes between two frames; otherwise its part begins anew'),
  readOnly: z.boolean().describe('can be changed only in the configuration file'),
});
export type ParamOrigin = z.infer<typeof ParamOrigin>;

/** Answer of `GET /api/streams/{stream}/params`. */
export const ParamSetInfo = z.object({
  values: Values,
  schema: z.record(z.string(), z.unknown()).describe('JSON Schema of an object with these values'),
  from: z.record(z.string(), ParamOrigin).describe('where each value comes from, by address'),
  waiting: z.array(z.string()).describe('processors whose params are not known yet: they are loading'),
  revision: z.number().describe('rises with each change'),
});
export type ParamSetInfo = z.infer<typeof ParamSetInfo>;

/** Answer of `PATCH /api/streams/{stream}/params` and of applying a preset. */
export const ParamsChanged = ParamSetInfo.extend({
  frame: z.number().describe('first frame id for which all hold'),
  frames: z.record(z.string(), z.number()).describe('the same for each part that has changed'),
  changed: z.array(z.string()).describe('addresses whose values differ from before'),
});
export type ParamsChanged = z.infer<typeof ParamsChanged>;

/** Name of a preset: it stands in addresses and in menus. */
export const PresetName = z
  .string()
  .regex(/^(?!\.+$)[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u, '1 to 64 letters, digits, spaces, . _ -, beginning with a letter or a digit');

/** Body of `PUT /api/streams/{stream}/presets/{name}`. */
export const PresetInput = z.strictObject({
  values: z.record(z.string(), z.unknown()).optional().describe('by address; default: all as they are now'),
});

export const Preset = z.object({
  name: PresetName,
  values: Values,
  saved: z.number().describe('when, µs UTC'),
});
export type Preset = z.infer<typeof Preset>;

export const PresetList = z.object({ items: z.array(Preset) });
