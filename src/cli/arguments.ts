// From arguments to values by the tables of options, and from the same tables to the help.
import { parseArgs } from 'node:util';
import { nearest } from '../api/zod-problem.ts';
import type { FlagValues, Option } from '../server/config.ts';
import { UsageError } from './context.ts';

/** An option of a command; `env` is empty where there is no variable. */
export type CliOption = Omit<Option, 'fallback'> & { readonly fallback?: string | undefined; readonly short?: string };

/** A row of the table of commands. */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Positional arguments as in the usage line, such as `STREAM`; one in brackets may be left out. */
  readonly positionals: readonly string[];
  readonly options: readonly CliOption[];
  readonly examples: readonly string[];
  readonly load: () => Promise<{ readonly run: (context: import('./context.ts').CommandContext) => Promise<number> }>;
}

const HELP: CliOption = { key: 'help', flag: 'help', short: 'h', env: '', kind: 'switch', value: '', help: 'show this' };

/** Reads the arguments of a command. Throws a UsageError that names the argument and the nearest known one. */
export function parseArguments(command: Command, args: readonly string[]): { flags: FlagValues; positionals: string[]; help: boolean } {
  const known = [...command.options, HELP];
  const byFlag = new Map(known.map((option) => [option.flag, option]));
  const options = Object.fromEntries(
    known.map((option) => [
      option.flag,
      {
        type: option.kind === 'switch' ? ('boolean' as const) : ('string' as const),
        multiple: option.kind === 'list',
        ...(option.short ? { short: option.short } : {}),
      },
    ]),
  );
  // Not strict: its messages know nothing about what was probably meant.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, allowNegative: true, tokens: true });
  const flags: Record<string, string | boolean | string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = byFlag.get(token.name);
    if (!option) throw unknownFlag(command, token.rawName);
    const negated = token.rawName.startsWith('--no-');
    if (option.kind === 'switch') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value; ${token.value} received`);
      flags[option.key] = !negated;
      continue;
    }
    if (negated) throw unknownFlag(command, token.rawName);
    const next = token.value;
    if (next === undefined || (!token.inlineValue && /^--[a-z]/.test(next))) {
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${option.value}`);
    }
    if (option.kind === 'list') flags[option.key] = [...((flags[option.key] as string[] | undefined) ?? []), next];
    else flags[option.key] = next;
  }
  const help = flags.help === true;
  delete flags.help;
  if (!help) checkPositionals(command, positionals);
  return { flags, positionals, help };
}

function unknownFlag(command: Command, rawName: string): UsageError {
  const meant = nearest(
    rawName.replace(/^-+(no-)?/, ''),
    [...command.options, HELP].map((option) => option.flag),
  );
  return new UsageError(`${rawName} is not an option of "sluice ${command.name}"${meant ? `; did you mean --${meant}?` : ''}`);
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const { length } = command.positionals;
  const needed = command.positionals.filter((name) => !name.startsWith('[')).length;
  if (positionals.length < needed) throw new UsageError(`${command.positionals[positionals.length]} is missing: ${usageOf(command)}`);
  if (positionals.length > length) {
    throw new UsageError(`"${positionals[length]}" is one argument too many: ${usageOf(command)}`);
  }
}

/** `sluice push STREAM [options]`. */
export function usageOf(command: Command): string {
  return ['sluice', command.name, ...command.positionals, ...(command.options.length ? ['[options]'] : [])].join(' ');
}

/** The help of one command. */
export function helpOf(command: Command): string {
  const rows = [...command.options, HELP].map((option) => {
    const name = option.kind === 'switch' && option.fallback === 'true' ? `--no-${option.flag}` : `--${option.flag}`;
    const left = `${option.short ? `-${option.short}, ` : '    '}${name}${option.value ? ` ${option.value}` : ''}`;
    const right = [
      `${option.kind === 'switch' && option.fallback === 'true' ? 'switches off: ' : ''}${option.help}`,
      ...(option.fallback && option.kind !== 'switch' ? [`[${option.fallback}]`] : []),
      ...(option.env ? [option.env] : []),
    ].join('  ');
    return [left, right] as const;
  });
  return [
    `Usage: ${usageOf(command)}`,
    '',
    command.summary,
    '',
    'Options (a flag comes before its environment variable, that before the configuration file)',
    ...table(rows),
    ...(command.examples.length ? ['', 'Examples', ...command.examples.map((example) => `  ${example}`)] : []),
  ].join('\n');
}

/** Two columns; long left sides get a line of their own. */
export function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) =>
    left.length > width ? [`  ${left}`, `  ${' '.repeat(width)}  ${right}`] : [`  ${left.padEnd(width)}  ${right}`],
  );
}
