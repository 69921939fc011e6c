// A JSON Schema of params as controls of a form, and what the controls hold as values again. Pure.
import { allowsNull, type JsonSchema } from '../../../src/api/json-schema.ts';
import type { ParamSetInfo } from '../../../src/api/params.ts';

export const CONTROLS = ['range', 'number', 'switch', 'select', 'text', 'color', 'trigger', 'numbers', 'json'] as const;
/** `numbers`: several of them side by side, a region for example. `json`: whatever has no control of its own. */
export type Control = (typeof CONTROLS)[number];

/** Bounds of a number. */
export interface NumberRange {
  readonly min: number | null;
  readonly max: number | null;
  /** The bound itself is not allowed. */
  readonly above: boolean;
  readonly below: boolean;
  /** Of a slider and of arrow keys. */
  readonly step: number;
  readonly integer: boolean;
}

export interface ParamField {
  readonly address: string;
  readonly label: string;
  readonly control: Control;
  readonly unit: string;
  readonly description: string;
  /** Title of the group inside its part; empty = none. */
  readonly group: string;
  /** It may be without a value: sent as `null`. */
  readonly optional: boolean;
  /** What it goes back to; undefined = nothing. */
  readonly initial: unknown;
  readonly number: NumberRange | null;
  readonly choices: readonly { readonly text: string; readonly value: unknown }[];
  /** Of `numbers`: the names of an object's numbers, or of a list's places. */
  readonly parts: readonly { readonly key: string | number; readonly label: string; readonly number: NumberRange }[];
  /** Of `color`: a text `#rrggbb` or a list of three numbers 0 to 255. */
  readonly colorList: boolean;
  readonly maxLength: number | null;
  /** Of `text`: what reads as a number is one. */
  readonly numeric: boolean;
  /** It changes between two frames: sent while a slider is dragged, and not only when it is let go. */
  readonly live: boolean;
  readonly readOnly: boolean;
}

/** The fields of one part: the source, or a processor. */
export interface ParamSection {
  readonly part: string;
  readonly use: string;
  readonly fields: readonly ParamField[];
  /** Titles of the groups, in the order of their first fields; the empty one comes first. */
  readonly groups: readonly string[];
}

/** Sections of a form, in the order of the parts; processors before the source, which is changed least. */
export function sectionsOf({ schema, from }: Pick<ParamSetInfo, 'schema' | 'from'>): ParamSection[] {
  const root = schema as JsonSchema;
  const sections = new Map<string, { part: string; use: string; fields: ParamField[] }>();
  for (const [address, property] of Object.entries(root.properties ?? {})) {
    const origin = Object.hasOwn(from, address) ? from[address] : undefined;
    if (!origin) continue;
    const section = sections.get(origin.part) ?? { part: origin.part, use: origin.use, fields: [] };
    sections.set(origin.part, section);
    section.fields.push(fieldOf(address, origin.name, property, root, origin));
  }
  const all = [...sections.values()].map((section) => {
    const groups = [...new Set(section.fields.map((field) => field.group))];
    return { ...section, groups: groups.sort((a, b) => Number(a !== '') - Number(b !== '')) };
  });
  return [...all.filter(({ part }) => part !== 'source'), ...all.filter(({ part }) => part === 'source')];
}

/** A field of one property. */
export function fieldOf(
  address: string,
  name: string,
  property: JsonSchema,
  root: JsonSchema = {},
  { live = true, readOnly = false }: { live?: boolean; readOnly?: boolean } = {},
): ParamField {
  const outer = resolved(property, root);
  const schema = { ...valued(outer, root), ...looks(outer) };
  const number = numberOf(schema);
  const choices = choicesOf(schema);
  const parts = partsOf(schema, root);
  const initial = outer.default;
  const optional = allowsNull(outer) || (initial === undefined && !root.required?.includes(address));
  const colorList =
    parts.length === 3 && parts.every((part) => part.number.min === 0 && part.number.max === 255 && typeof part.key === 'number');
  return {
    address,
    label: text(schema.title) || wordsOf(name),
    control: controlOf(schema, { number, choices, parts, colorList, optional }),
    unit: text(schema.unit),
    description: text(schema.description),
    group: text(schema.group),
    optional,
    initial,
    number,
    choices,
    parts,
    colorList,
    maxLength: typeof schema.maxLength === 'number' ? schema.maxLength : null,
    numeric: [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((each) => each.type === 'number' || each.type === 'integer'),
    live,
    readOnly,
  };
}

type Found = Pick<ParamField, 'number' | 'choices' | 'parts' | 'colorList' | 'optional'>;

function controlOf(schema: JsonSchema, { number, choices, parts, colorList, optional }: Found): Control {
  const asked = schema.control;
  const color = colorList || schema.type === 'string';
  // What is asked for must fit the value: a slider needs both ends.
  if (asked === 'color' && color) return 'color';
  if (asked === 'trigger' && (schema.type === 'boolean' || number?.integer)) return 'trigger';
  if (asked === 'number' && number) return 'number';
  if (asked === 'range' && number && number.min !== null && number.max !== null && !optional) return 'range';
  if (asked === 'text' && schema.type === 'string') return 'text';
  if (schema.format === 'color' && color) return 'color';
  if (choices.length) return 'select';
  if (schema.type === 'boolean') return 'switch';
  if (number) return handy(number) && !optional ? 'range' : 'number';
  if (parts.length) return 'numbers';
  return schema.type === 'string' || schema.anyOf?.some((each) => each.type === 'string') ? 'text' : 'json';
}

/** A slider reaches every value that people want. */
function handy({ min, max, integer }: NumberRange): boolean {
  return min !== null && max !== null && max - min <= (integer ? 400 : 255);
}

/** Keys of the form, which may stand outside of alternatives. */
function looks({ title, description, unit, group, step, control }: JsonSchema): JsonSchema {
  const own = Object.entries({ title, description, unit, group, step, control }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(own);
}

/** Definitions are followed; a chain of them ends somewhere. */
function resolved(schema: JsonSchema, root: JsonSchema, depth = 8): JsonSchema {
  const one = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
  const name = typeof one === 'string' ? /^#\/\$defs\/(.+)$/.exec(one)?.[1] : undefined;
  const found = name !== undefined && Object.hasOwn(root.$defs ?? {}, name) ? root.$defs?.[name] : undefined;
  if (!found || depth === 0) return schema;
  const { $ref: _ref, allOf: _all, ...rest } = schema;
  return { ...resolved(found, root, depth - 1), ...rest };
}

/** Of a value that may be null: what it is otherwise. */
function valued(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (Array.isArray(schema.type)) {
    const { type, ...rest } = schema;
    const types = (type as string[]).filter((each) => each !== 'null');
    return types.length === 1 ? { ...rest, type: types[0]! } : { ...rest, anyOf: types.map((each) => ({ type: each })) };
  }
  const left = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter((each) => each.type !== 'null');
  return left.length === 1 && left[0] ? { ...schema, anyOf: [], ...resolved(left[0], root) } : schema;
}

function choicesOf(schema: JsonSchema): ParamField['choices'] {
  const constants = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter((each) => each.type !== 'null');
  if (schema.enum) return schema.enum.filter((value) => value !== null).map((value) => ({ text: choiceText(value), value }));
  if (!constants.length || !constants.every((each) => each.const !== undefined)) return [];
  return constants.map((each) => ({ text: text(each.title) || choiceText(each.const), value: each.const }));
}

function choiceText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function numberOf(schema: JsonSchema): NumberRange | null {
  if (schema.type !== 'number' && schema.type !== 'integer') return null;
  const integer = schema.type === 'integer';
  const above = finite(schema.exclusiveMinimum);
  const below = finite(schema.exclusiveMaximum);
  const min = above ?? finite(schema.minimum);
  const max = below ?? finite(schema.maximum);
  const step = finite(schema.step) ?? finite(schema.multipleOf) ?? (integer ? 1 : niceStep(min, max));
  return { min, max, above: above !== null, below: below !== null, step: step > 0 ? step : 1, integer };
}

/** A hundredth of the range, as a power of ten. */
function niceStep(min: number | null, max: number | null): number {
  if (min === null || max === null || !(max > min)) return 0.1;
  return 10 ** Math.round(Math.log10((max - min) / 100));
}

/** zod names the safe integers where no bound was given: that tells nobody anything. */
function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : null;
}

function partsOf(schema: JsonSchema, root: JsonSchema): ParamField['parts'] {
  const own: [string | number, JsonSchema][] = schema.prefixItems
    ? schema.prefixItems.map((each, index) => [index, each])
    : schema.type === 'object'
      ? Object.entries(schema.properties ?? {})
      : [];
  const parts = own.map(([key, each]) => {
    const part = resolved(each, root);
    return { key, label: text(part.title) || (typeof key === 'number' ? String(key + 1) : key), number: numberOf(part) };
  });
  const numbers = parts.filter((part): part is typeof part & { number: NumberRange } => part.number !== null);
  return numbers.length === parts.length && numbers.length <= 8 ? numbers : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `minShare` → `Min share`. */
export function wordsOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a control holds: a text, several of them, or a switch. */
export type Draft = string | boolean | readonly string[];

/** A value as its control shows it. */
export function draftOf(field: ParamField, value: unknown): Draft {
  switch (field.control) {
    case 'switch':
    case 'trigger':
      return value === true;
    case 'select': {
      const index = field.choices.findIndex((choice) => JSON.stringify(choice.value) === JSON.stringify(value));
      return index < 0 ? '' : String(index);
    }
    case 'color':
      return field.colorList ? colorText(value) : text(value);
    case 'numbers':
      return field.parts.map(({ key }) => {
        const part: unknown = value !== null && typeof value === 'object' ? (value as Record<string | number, unknown>)[key] : undefined;
        return typeof part === 'number' ? String(part) : '';
      });
    case 'json':
      return value === undefined || value === null ? '' : JSON.stringify(value);
    default:
      return value === undefined || value === null ? '' : String(value);
  }
}

/** What to send, or why it cannot be sent. */
export type Reading = { readonly value: unknown } | { readonly error: string };

/** What a control holds as a value; `null` = none. */
export function readDraft(field: ParamField, draft: Draft): Reading {
  if (typeof draft === 'boolean') return { value: draft };
  if (typeof draft !== 'string') return readNumbers(field, draft);
  const given = draft.trim();
  if (field.control === 'text') {
    if (draft === '' && field.optional) return { value: null };
    return { value: field.numeric && given !== '' && Number.isFinite(Number(given)) ? Number(given) : draft };
  }
  if (given === '') return field.optional || field.initial !== undefined ? { value: null } : { error: `Expected ${expected(field)}.` };
  switch (field.control) {
    case 'number':
    case 'range':
      return field.number ? readNumber(given, field.number) : { error: `Expected ${expected(field)}.` };
    case 'select': {
      const choice = field.choices[Number(given)];
      return choice ? { value: choice.value } : { error: `Expected ${expected(field)}.` };
    }
    case 'color':
      if (!/^#[0-9a-f]{6}$/i.test(given)) return { error: 'Expected a colour such as #3edea0.' };
      return { value: field.colorList ? [1, 3, 5].map((at) => Number.parseInt(given.slice(at, at + 2), 16)) : given };
    default:
      try {
        return { value: JSON.parse(given) };
      } catch {
        return { error: `“${given.slice(0, 40)}” is not JSON.` };
      }
  }
}

function readNumbers(field: ParamField, drafts: readonly string[]): Reading {
  if (drafts.every((each) => each.trim() === ''))
    return field.optional || field.initial !== undefined ? { value: null } : { error: 'Expected numbers.' };
  const values: number[] = [];
  for (const [index, { label, number }] of field.parts.entries()) {
    const reading = readNumber((drafts[index] ?? '').trim(), number);
    if ('error' in reading) return { error: `${label}: ${reading.error}` };
    values.push(reading.value as number);
  }
  if (field.parts.every(({ key }) => typeof key === 'number')) return { value: values };
  return { value: Object.fromEntries(field.parts.map(({ key }, index) => [key, values[index]])) };
}

function readNumber(given: string, range: NumberRange): Reading {
  const value = Number(given);
  const wrong = given === '' || !Number.isFinite(value) || (range.integer && !Number.isInteger(value)) || !inside(value, range);
  return wrong ? { error: `${given === '' ? 'Nothing' : given} received; expected ${rangeText(range)}.` } : { value };
}

function inside(value: number, { min, max, above, below }: NumberRange): boolean {
  if (min !== null && (above ? value <= min : value < min)) return false;
  return max === null || (below ? value < max : value <= max);
}

/** `a number from 0 to 1`. */
export function rangeText({ min, max, above, below, integer }: NumberRange): string {
  const low = min === null ? '' : above ? ` above ${min}` : ` from ${min}`;
  const high = max === null ? (low && !above ? ' up' : '') : below ? ` below ${max}` : low && !above ? ` to ${max}` : ` up to ${max}`;
  return `${integer ? 'a whole number' : 'a number'}${low}${high}`;
}

function expected({ number, choices }: ParamField): string {
  if (choices.length) return `one of ${choices.map((choice) => choice.text).join(', ')}`;
  return number ? rangeText(number) : 'a value';
}

function colorText(value: unknown): string {
  if (!Array.isArray(value) || value.length !== 3) return '';
  const byte = (part: unknown) =>
    Math.max(0, Math.min(255, Math.round(Number(part) || 0)))
      .toString(16)
      .padStart(2, '0');
  return `#${value.map(byte).join('')}`;
}

/** The ends of a slider: a bound that is not allowed itself is one step away. */
export function sliderEnds({ min, max, above, below, step }: NumberRange): { min: number; max: number } {
  return { min: (min ?? 0) + (above ? step : 0), max: (max ?? 1) - (below ? step : 0) };
}
