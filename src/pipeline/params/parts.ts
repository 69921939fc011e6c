// What the source and the finders of a stream tell of their params.
import { type JsonSchema, jsonSchemaOf, NO_PARAMS } from '../../api/json-schema.ts';
import { SOURCE_PART } from '../../api/params.ts';
import {
  type FinderConfig,
  type InlineConfig,
  PROCESSOR_PARAMS,
  type ProcessorConfig,
  processorIdOf,
  SOURCE_PARAMS,
  type SourceConfig,
  type StreamConfig,
} from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import type { SessionInfo } from '../../processors/session.ts';
import { liveParamsOf } from '../../sources/index.ts';
import type { ParamPart, ParamValues } from './param-set.ts';

type Schema = (typeof SOURCE_PARAMS)[keyof typeof SOURCE_PARAMS] | (typeof PROCESSOR_PARAMS)[keyof typeof PROCESSOR_PARAMS];

/** Schemas are made once: they never change. */
const made = new Map<Schema, JsonSchema>();

function schemaOf(schema: Schema): JsonSchema {
  const known = made.get(schema) ?? jsonSchemaOf(schema);
  made.set(schema, known);
  return known;
}

/** A source begins anew with other params, but for those that it can change while it runs. */
export function sourcePart({ type, ...values }: SourceConfig): ParamPart {
  return part(SOURCE_PART, type, SOURCE_PARAMS[type], values, liveParamsOf(type).length > 0);
}

/** A finder takes other params between two frames. */
export function finderPart(config: FinderConfig): ParamPart {
  return part(processorIdOf(config), config.use, PROCESSOR_PARAMS[config.use], config.params, true);
}

/** What is asked of a processor that checks its params itself. */
interface AskedProcessor {
  readonly id: string;
  readonly info: SessionInfo | null;
  readonly config: InlineConfig;
  check(values: ParamValues): Promise<ParamValues>;
}

/** A processor in the way, or a user's beside it, checks its params itself, wherever it runs. */
export function stagePart(stage: AskedProcessor): ParamPart {
  const { id, info, config } = stage;
  const schema = info ? ((info.schema as JsonSchema | null) ?? NO_PARAMS) : null;
  const values = info?.params ?? config.params;
  // It lays values over those that hold: what is to go has to be named.
  const gone = (next: ParamValues) => Object.keys(values).filter((name) => !Object.hasOwn(next, name));
  const check = (next: ParamValues) =>
    stage.check({ ...next, ...Object.fromEntries(gone(next).map((name) => [name, schema?.properties?.[name]?.default])) });
  return { id, use: shownUse(config.use), schema, values, live: true, check };
}

/** Of a file its name: where it lies is nobody's business. */
function shownUse(use: string): string {
  return use.split(/[\\/]/).at(-1) || use;
}

function part(id: string, use: string, schema: Schema, values: ParamValues, live: boolean): ParamPart {
  return { id, use, schema: schemaOf(schema), values, live, check: (next) => parseInput(schema, next) as ParamValues };
}

/** The configuration with other params, by part. */
export function withParams(config: StreamConfig, changes: ReadonlyMap<string, ParamValues>): StreamConfig {
  const source = changes.get(SOURCE_PART);
  return {
    ...config,
    ...(source ? { source: { ...source, type: config.source.type } as SourceConfig } : {}),
    processors: config.processors.map((one) => {
      const params = changes.get(processorIdOf(one));
      return params ? ({ ...one, params } as ProcessorConfig) : one;
    }),
  };
}

/** Params by part. */
export function paramsOf({ source, processors }: StreamConfig): Map<string, { use: string; params: ParamValues }> {
  const { type, ...params } = source;
  const parts = new Map<string, { use: string; params: ParamValues }>([[SOURCE_PART, { use: type, params }]]);
  for (const one of processors) parts.set(processorIdOf(one), { use: one.use, params: one.params });
  return parts;
}
