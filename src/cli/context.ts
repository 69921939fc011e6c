// What a command is given, so that it can be run without a process of its own.
import type { Readable } from 'node:stream';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { FlagValues } from '../server/config.ts';

export interface CommandContext {
  /** Values of the flags by key. */
  readonly flags: FlagValues;
  readonly positionals: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable & { readonly isTTY?: boolean; readonly fd?: number };
  /** Writes a line for people or programs to standard output. */
  readonly print: (line: string) => void;
  /** Writes to standard error, without a line end. */
  readonly warn: (text: string) => void;
  /** Standard error is a terminal. */
  readonly isTTY: boolean;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** A mistake on the command line: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The text of a flag given once; `undefined` if it was not given. */
export function flagText(context: CommandContext, key: string): string | undefined {
  const value = context.flags[key];
  return typeof value === 'string' ? value : undefined;
}

/** Exit code of an error: 2 = something to correct in the call or the configuration, 1 = anything else. */
export function exitCodeOf(error: unknown): 1 | 2 {
  if (error instanceof UsageError) return 2;
  return error instanceof SluiceError && (error.code === 'bad-config' || error.code === 'port-taken') ? 2 : 1;
}

/** The lines that a person gets for an error, never a stack. */
export function linesOf(error: unknown): string[] {
  if (error instanceof SluiceError && Array.isArray(error.details.problems)) {
    return error.details.problems.map((problem: { message?: unknown }) => String(problem.message));
  }
  return [error instanceof Error ? error.message : String(error)];
}

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const MARKS = { debug: '·', info: ' ', warn: '!', error: '✗' } as const;

/** Log for a terminal: one short line each. Programs get JSON lines from pino instead. */
export function terminalLogger(level: (typeof LEVELS)[number], write: (text: string) => void, bound: object = {}): Logger {
  const at = (weight: 'debug' | 'info' | 'warn' | 'error') => (values: object, message: string) => {
    if (LEVELS.indexOf(weight) < LEVELS.indexOf(level)) return;
    const details = Object.entries({ ...bound, ...values }).map(
      ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    write(`${new Date().toISOString().slice(11, 19)} ${MARKS[weight]} ${message}${details.length ? `  (${details.join(' ')})` : ''}\n`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (values) => terminalLogger(level, write, { ...bound, ...values }),
  };
}
