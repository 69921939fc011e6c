// What zod found wrong, as one SluiceError with one sentence per problem: which field, what was received, what is allowed.
import { z } from 'zod';
import { type ErrorCode, SluiceError } from '../core/errors.ts';

/** One thing that is wrong. */
export interface FieldProblem {
  /** Path such as `source.fps` or `streams.cam.dvr.mode`; empty for the whole document. */
  readonly field: string;
  /** The whole sentence. */
  readonly message: string;
  readonly received?: unknown;
  /** What is allowed, in words. */
  readonly allowed?: string;
  /** The known key that was probably meant. */
  readonly suggestion?: string;
}

type Path = readonly PropertyKey[];

/** The part of zod's issues that is read here; those of `fastify-type-provider-zod` have it too. */
export interface ZodIssue {
  readonly code?: string | undefined;
  readonly path: Path;
  readonly message: string;
  readonly keys?: readonly string[];
  readonly input?: unknown;
  /** Of a union: what each alternative has against the value. */
  readonly errors?: readonly (readonly ZodIssue[])[];
}

export interface ZodProblemOptions {
  /** The value that was parsed: lets the sentences name what was received. */
  readonly input?: unknown;
  /** Its schema: lets them name the whole allowed range and the nearest known key. */
  readonly schema?: z.ZodType;
  readonly code?: ErrorCode;
  /** Name of a field for people; default is the dotted path. */
  readonly name?: (path: Path) => string;
}

/**
 * The error for what `schema.safeParse` refused. `source` says where the value came from ("the body", a file name) and starts the
 * message; empty = no start. Code `unknown-key` if nothing but unknown keys was wrong, else `bad-value`, unless one is given.
 */
export function zodProblem(error: { readonly issues: readonly ZodIssue[] }, source: string, options: ZodProblemOptions = {}): SluiceError {
  const schema = options.schema && (z.toJSONSchema(options.schema, { io: 'input', unrepresentable: 'any' }) as Json);
  const issues = error.issues.flatMap((issue) => insideUnion(issue));
  const problems = issues.flatMap((issue) => describe(issue, schema, options));
  const unknownOnly = issues.length > 0 && issues.every((issue) => issue.code === 'unrecognized_keys');
  return problemError(problems, source, options.code ?? (unknownOnly ? 'unknown-key' : 'bad-value'));
}

/** One error of several things that are wrong; the first is also told in its own members. `always`: they are listed even if it is one. */
export function problemError(problems: readonly FieldProblem[], source: string, code: ErrorCode, always = false): SluiceError {
  const first = problems[0];
  const text = problems.map((problem) => problem.message).join('. ');
  return new SluiceError(code, source ? `${source}: ${text}` : text, {
    ...(first?.field ? { field: first.field } : {}),
    ...(first && 'received' in first ? { received: first.received } : {}),
    ...(first?.allowed ? { allowed: first.allowed } : {}),
    ...(first?.suggestion ? { suggestion: first.suggestion } : {}),
    ...(problems.length > 1 || always ? { problems } : {}),
  });
}

/** What is wrong, one by one, as the error tells it. */
export function problemsOf({ message, details }: SluiceError): FieldProblem[] {
  if (Array.isArray(details.problems)) return details.problems as FieldProblem[];
  const { field, received, allowed, suggestion } = details;
  return [
    {
      field: typeof field === 'string' ? field : '',
      message,
      ...('received' in details ? { received } : {}),
      ...(typeof allowed === 'string' ? { allowed } : {}),
      ...(typeof suggestion === 'string' ? { suggestion } : {}),
    },
  ];
}

/** Parses a value from outside or throws the `zodProblem` of it. */
export function parseInput<S extends z.ZodType>(
  schema: S,
  input: unknown,
  options: Omit<ZodProblemOptions, 'input' | 'schema'> & { readonly source?: string } = {},
): z.output<S> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw zodProblem(parsed.error, options.source ?? '', { ...options, input, schema });
}

/** The candidate that `word` was probably meant to be: at most a third of its letters differ. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

// Damerau-Levenshtein (optimal string alignment); gives up at `limit`.
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let j = 0; j < width; j++) table[j] = j;
  for (let i = 1; i <= a.length; i++) {
    table[i * width] = i;
    for (let j = 1; j < width; j++) {
      const at = i * width + j;
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(table[at - width]! + 1, table[at - 1]! + 1, table[at - width - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, table[at - 2 * width - 2]! + 1);
      table[at] = value;
    }
  }
  return table[a.length * width + b.length]!;
}

interface Json {
  type?: string;
  description?: string;
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  properties?: Record<string, Json>;
  additionalProperties?: Json | boolean;
  propertyNames?: Json;
  items?: Json | boolean;
  prefixItems?: Json[];
  anyOf?: Json[];
  oneOf?: Json[];
}

/** Of objects told apart by `use`: only what is wrong with the one that was meant. */
function insideUnion(issue: ZodIssue): ZodIssue[] {
  const meant = issue.errors?.filter((issues) => issues.length > 0 && !issues.some(({ path }) => path.length === 0 || path[0] === 'use'));
  if (issue.code !== 'invalid_union' || meant?.length !== 1) return [issue];
  return meant[0]!.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function describe(issue: ZodIssue, schema: Json | undefined, options: ZodProblemOptions): FieldProblem[] {
  const name = options.name ?? dotted;
  const node = schema && nodeAt(schema, issue.path, options.input);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(node?.properties ?? {});
    return (issue.keys ?? []).map((key) => {
      const field = name([...issue.path, key]);
      const suggestion = nearest(key, known);
      const hint = suggestion ? `; did you mean ${suggestion}?` : known.length ? `; known are ${known.join(', ')}` : '';
      return { field, message: `${field} is not a known key${hint}`, ...(suggestion ? { suggestion } : {}) };
    });
  }
  const field = name(issue.path);
  if (issue.code === 'invalid_key') {
    const key = String(issue.path.at(-1));
    const parent = schema && nodeAt(schema, issue.path.slice(0, -1), options.input);
    const allowed = (parent?.propertyNames && wordsOf(parent.propertyNames, firstMessage(issue))) || firstMessage(issue);
    return [{ field, message: `${field}: ${JSON.stringify(key)} is not allowed as a name; expected ${allowed}`, received: key, allowed }];
  }
  const received = Object.hasOwn(issue, 'input') ? issue.input : valueAt(options.input, issue.path);
  const allowed = (node && wordsOf(node, issue.message)) || issue.message;
  const start = field ? `${field}: ` : '';
  if (issue.code === 'custom') return [{ field, message: `${start}${shown(received, field)} received; ${issue.message}`, allowed }];
  const message = `${start}${shown(received, field)} received; expected ${allowed}`;
  return [{ field, message, ...(isSecret(field) ? {} : { received: received === undefined ? null : plain(received) }), allowed }];
}

function firstMessage(issue: ZodIssue): string {
  const inner = (issue as { issues?: readonly ZodIssue[] }).issues;
  return inner?.[0]?.message ?? issue.message;
}

function dotted(path: Path): string {
  let text = '';
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text ? `.${String(part)}` : String(part);
  return text;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const part of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The schema of the value at `path`; of alternatives the one whose constant keys fit the input. */
function nodeAt(schema: Json, path: Path, input: unknown): Json | undefined {
  let node: Json | undefined = pick(schema, input);
  let value = input;
  for (const part of path) {
    if (!node) return undefined;
    value = value !== null && typeof value === 'object' ? (value as Record<PropertyKey, unknown>)[part] : undefined;
    const items: Json | undefined = typeof node.items === 'object' ? node.items : undefined;
    const rest: Json | undefined = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
    // Paths that came as text have the numbers of lists as text too.
    const next: Json | undefined =
      node.prefixItems || items ? (node.prefixItems?.[Number(part)] ?? items) : (ownOf(node.properties, String(part)) ?? rest);
    node = next ? pick(next, value) : discriminatorOf(node, String(part));
  }
  return node;
}

function ownOf(properties: Record<string, Json> | undefined, key: string): Json | undefined {
  return properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
}

function pick(node: Json, value: unknown): Json {
  const options = (node.oneOf ?? node.anyOf)?.flatMap((option) => option.oneOf ?? option);
  if (!options || value === null || typeof value !== 'object') return node;
  const fits = options.find((option) => {
    const constants = Object.entries(option.properties ?? {}).filter(([, property]) => property.const !== undefined);
    return constants.length > 0 && constants.every(([key, property]) => (value as Record<string, unknown>)[key] === property.const);
  });
  const open = options.filter(
    (option) => option.properties && Object.values(option.properties).every((property) => property.const === undefined),
  );
  return fits ?? (open.length === 1 ? open[0]! : node);
}

/** No alternative fits: the key that tells them apart allows the constants of all. */
function discriminatorOf(node: Json, key: string): Json | undefined {
  const constants = (node.oneOf ?? node.anyOf ?? []).flatMap((option) => option.properties?.[key]?.const ?? []);
  return constants.length ? { enum: constants } : undefined;
}

function wordsOf(node: Json, message = ''): string {
  if (node.enum) return `one of ${node.enum.map(String).join(', ')}`;
  if (node.const !== undefined) return String(node.const);
  const alternatives = node.anyOf ?? node.oneOf;
  if (alternatives) {
    const constants = alternatives.map((option) => option.const);
    if (constants.every((constant) => constant !== undefined)) return `one of ${constants.map(String).join(', ')}`;
    return alternatives.map((option) => option.description ?? wordsOf(option)).join(' or ');
  }
  switch (node.type) {
    case 'integer':
    case 'number': {
      const kind = node.type === 'integer' ? 'an integer' : 'a number';
      // JSON Schema of zod names the safe integers where no bound was given: that tells nobody anything.
      const low = node.minimum === Number.MIN_SAFE_INTEGER ? undefined : node.minimum;
      const high = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
      const above = node.exclusiveMinimum !== undefined ? ` above ${node.exclusiveMinimum}` : low !== undefined ? ` from ${low}` : '';
      const below =
        node.exclusiveMaximum !== undefined
          ? ` below ${node.exclusiveMaximum}`
          : high === undefined
            ? ''
            : above.startsWith(' from')
              ? ` to ${high}`
              : ` up to ${high}`;
      return `${kind}${above}${!below && above.startsWith(' from') ? ' up' : below}`;
    }
    case 'boolean':
      return 'true or false';
    case 'string':
      // The message of a pattern is written for people where zod's own would only quote the expression.
      if (node.pattern && message && !message.startsWith('Invalid')) return message;
      if (node.pattern && message.startsWith('Invalid input')) return 'a text';
      if (node.pattern) return node.description ?? `text like ${node.pattern}`;
      if (node.minLength === 1 && node.maxLength === undefined) return 'a text that is not empty';
      if (node.minLength !== undefined && node.maxLength !== undefined)
        return `a text of ${node.minLength} to ${node.maxLength} characters`;
      if (node.maxLength !== undefined) return `a text of at most ${node.maxLength} characters`;
      if (node.minLength !== undefined) return `a text of at least ${node.minLength} characters`;
      return 'a text';
    case 'array':
      if (node.prefixItems) return `a list of ${node.prefixItems.length} values (each ${wordsOf(node.prefixItems[0]!)})`;
      if (node.maxItems !== undefined) return `a list of at most ${node.maxItems} entries`;
      return `a list${typeof node.items === 'object' ? ` (each ${wordsOf(node.items)})` : ''}`;
    case 'object':
      return node.properties ? `an object with ${Object.keys(node.properties).join(', ')}` : 'an object';
    case 'null':
      return 'null';
    default:
      return '';
  }
}

function isSecret(field: string): boolean {
  return /token|password|secret/i.test(field);
}

function shown(value: unknown, field: string): string {
  if (value === undefined) return 'nothing';
  if (isSecret(field)) return 'a value (not shown)';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** NaN and infinities have no JSON: they go into problem documents as words. */
function plain(value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'string' && value.length > 200) return `${value.slice(0, 197)}...`;
  return value !== null && typeof value === 'object' ? shown(value, '') : value;
}
