// JSON Schema of params, both ways: out of zod for pages and programs, and into zod for processors that are written in other languages.
import './without-eval.ts';
import { z } from 'zod';
import { SluiceError } from '../core/errors.ts';

/** A JSON Schema (draft 2020-12); keys that say how a form looks (`unit`, `group`, `step`, `control`) stand beside the standard ones. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly [key: string]: unknown;
}

/** Nothing to set. */
export const NO_PARAMS: JsonSchema = { type: 'object', properties: {}, additionalProperties: false };

/** JSON Schema of what a zod schema takes. What JSON cannot say (functions, dates) becomes a schema that allows anything. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return rest;
}

/**
 * zod schema of a JSON Schema that describes an object. Throws `bad-value` for one that does not, or that cannot be checked; `field` names
 * it for people.
 */
export function zodOf(schema: unknown, field = 'schema'): z.ZodType<Record<string, unknown>> {
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema) || !isObjectSchema(schema as JsonSchema)) {
    const received = JSON.stringify(schema)?.slice(0, 80);
    throw new SluiceError('bad-value', `${field}: ${received} received; expected a JSON Schema with type object`, { field, received });
  }
  try {
    return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]) as z.ZodType<Record<string, unknown>>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SluiceError('bad-value', `${field}: ${reason}; expected a JSON Schema without it`, { field }, error);
  }
}

function isObjectSchema({ type, properties }: JsonSchema): boolean {
  return type === 'object' || (type === undefined && properties !== undefined);
}

/** Whether `null` is a value of it. */
export function allowsNull(schema: JsonSchema): boolean {
  if (schema.type === 'null' || (Array.isArray(schema.type) && schema.type.includes('null'))) return true;
  if (schema.const === null || schema.enum?.includes(null)) return true;
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some(allowsNull);
}
