// `sluice bench`: measures this machine. The benches themselves lie outside the program, in `bench/` of a clone.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type CommandContext, flagText, UsageError } from './context.ts';
import { packageRoot, packageVersion } from './version.ts';

/** What of `bench/run.ts` is used here; it cannot be imported by name, since it is no part of the built program. */
interface Runner {
  readonly runBenches: (options: {
    readonly only: readonly string[];
    readonly seconds: number | null;
    readonly json: boolean;
    readonly write: boolean;
    readonly list: boolean;
    readonly note: string;
    readonly profileDir: string | null;
    readonly version: string;
    readonly print: (line: string) => void;
    readonly warn: (text: string) => void;
    readonly signal: AbortSignal;
  }) => Promise<number>;
}

const MAX_SECONDS = 600;

export async function run(context: CommandContext): Promise<number> {
  const { flags } = context;
  const file = join(packageRoot(), 'bench', 'run.ts');
  if (!existsSync(file)) throw new UsageError('the benches are not part of the installed package; in a clone, "npm run bench" runs them');
  const runner = (await import(pathToFileURL(file).href)) as Runner;
  try {
    return await runner.runBenches({
      only: Array.isArray(flags.only) ? flags.only.flatMap((text: string) => text.split(',')) : [],
      seconds: readSeconds(flagText(context, 'seconds')),
      json: flags.json === true,
      write: flags.write === true,
      list: flags.list === true,
      note: flagText(context, 'note') ?? '',
      profileDir: flagText(context, 'profile') ?? null,
      version: packageVersion(),
      print: context.print,
      warn: context.warn,
      signal: context.signal,
    });
  } catch (error) {
    // Its class is another one than ours whenever the program was built.
    if (error instanceof Error && error.name === 'BenchUsageError') throw new UsageError(error.message);
    throw error;
  }
}

function readSeconds(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new UsageError(`--seconds: "${text}" received; expected a number above 0 and up to ${MAX_SECONDS}`);
}
