// What the source and the finders of a stream tell of their params.
import { type JsonSchema, jsonSchemaOf } from '../../api/json-schema.ts';
import { SOURCE_PART } from '../../api/params.ts';
import {
  type FinderConfig,
  PROCESSOR_PARAMS,
  type ProcessorConfig,
  processorIdOf,
  SOURCE_PARAMS,
  type SourceConfig,
  type StreamConfig,
} from '../../api/schema.ts';
import { parseInput } from '../../api/zod-problem.ts';
import type { ParamPart, ParamValues } from './param-set.ts';

type Schema = (typeof SOURCE_PARAMS)[keyof typeof SOURCE_PARAMS] | (typeof PROCESSOR_PARAMS)[keyof typeof PROCESSOR_PARAMS];

/** Schemas are made once: they never change. */
const made = new Map<Schema, JsonSchema>();

function schemaOf(schema: Schema): JsonSchema {
  const known = made.get(schema) ?? jsonSchemaOf(schema);
  made.set(schema, known);
  return known;
}

/** A source begins anew with other params. */
export function sourcePart({ type, ...values }: SourceConfig): ParamPart {
  return part(SOURCE_PART, type, SOURCE_PARAMS[type], values, false);
}

/** A finder takes other params between two frames. */
export function finderPart(config: FinderConfig): ParamPart {
  return part(processorIdOf(config), config.use, PROCESSOR_PARAMS[config.use], config.params, true);
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
