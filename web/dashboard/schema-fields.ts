// A JSON Schema of params as a flat list of form fields, and the form's texts as values again. Pure.

export interface Field {
  readonly key: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'enum' | 'json';
  readonly description: string;
  readonly required: boolean;
  readonly options: readonly string[];
  /** What the form begins with. */
  readonly initial: string | boolean;
  readonly integer: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly placeholder?: string;
  /** Instead of the usual one of its key. */
  readonly label?: string;
}

/** What the controls hold. */
export type FormValues = Readonly<Record<string, string | boolean>>;

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
}

/** Fields of an object schema, in its order. */
export function fieldsOf(schema: unknown): Field[] {
  const { properties = {}, required = [] } = (schema ?? {}) as Schema;
  return Object.entries(properties).map(([key, property]) => fieldOf(key, property, required.includes(key)));
}

function fieldOf(key: string, schema: Schema, required: boolean): Field {
  const options = optionsOf(schema);
  const kind = options.length
    ? 'enum'
    : schema.type === 'number' || schema.type === 'integer'
      ? 'number'
      : schema.type === 'boolean'
        ? 'boolean'
        : schema.type === 'string' || schema.anyOf?.some((each) => each.type === 'string')
          ? 'text'
          : 'json';
  const { minimum, maximum, pattern } = schema;
  return {
    key,
    kind,
    description: schema.description ?? '',
    required: required && schema.default === undefined,
    options,
    initial: initialOf(schema, kind, options),
    integer: schema.type === 'integer',
    ...(minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? {} : { minimum }),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    // Browsers anchor `pattern` themselves.
    ...(pattern === undefined ? {} : { pattern: pattern.replace(/^\^|\$$/g, '') }),
    ...(kind === 'json' ? { placeholder: 'JSON' } : {}),
  };
}

function optionsOf(schema: Schema): string[] {
  if (schema.enum) return schema.enum.map(String);
  if (schema.anyOf?.length && schema.anyOf.every((each) => each.const !== undefined)) return schema.anyOf.map((each) => String(each.const));
  return [];
}

function initialOf(schema: Schema, kind: Field['kind'], options: readonly string[]): string | boolean {
  const value = schema.default;
  if (kind === 'boolean') return value === true;
  if (kind === 'json') return value === undefined || isEmpty(value) ? '' : JSON.stringify(value);
  return value === undefined ? (options[0] ?? '') : String(value);
}

function isEmpty(value: unknown): boolean {
  return value !== null && typeof value === 'object' && Object.keys(value).length === 0;
}

/** What a form begins with. */
export function initialValues(fields: readonly Field[]): FormValues {
  return Object.fromEntries(fields.map((field) => [field.key, field.initial]));
}

/** The values to send: numbers as numbers, JSON parsed, empty ones left out. A text that is no JSON is sent as it is: the server says why not. */
export function readValues(fields: readonly Field[], values: FormValues): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of fields) {
    const value = values[field.key];
    if (typeof value === 'boolean') {
      result[field.key] = value;
      continue;
    }
    const text = (value ?? '').trim();
    if (text === '') continue;
    if (field.kind === 'number' || (field.kind === 'enum' && /^-?\d+(\.\d+)?$/.test(text))) result[field.key] = Number(text);
    else if (field.kind === 'json') result[field.key] = parsed(text);
    else result[field.key] = text;
  }
  return result;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const LABELS: Record<string, string> = {
  kind: 'Picture',
  url: 'File, address or camera',
  fps: 'Frames per second',
  size: 'Size',
  transport: 'RTSP transport',
  options: 'FFmpeg options',
  vary: 'Irregular intervals',
  drop: 'Frames left out',
  gap: 'Gaps',
  clock: 'Whose time counts',
  seed: 'Seed',
  level: 'Zstd level',
  crop: 'Part of the picture',
  subsample: 'One of so many pixels',
  quality: 'JPEG quality',
  bitrate: 'Bit rate',
};

/** What the field is called: `barcode` → `Barcode`. */
export function labelOf(field: Field): string {
  const known = field.label ?? LABELS[field.key];
  if (known) return known;
  const words = field.key.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
