// Finds the command, gives it its context, turns its errors into lines and exit codes.
import { nearest } from '../api/zod-problem.ts';
import { helpOf, parseArguments, table } from './arguments.ts';
import { COMMANDS } from './commands.ts';
import { type CommandContext, exitCodeOf, linesOf, UsageError } from './context.ts';
import { packageVersion } from './version.ts';

/** What of the process a run uses; tests give their own. */
export type CliProcess = Pick<CommandContext, 'env' | 'cwd' | 'stdin' | 'print' | 'warn' | 'isTTY' | 'signal'>;

/** Runs one command line. Resolves with the exit code: 0 = done, 1 = failed, 2 = to be called or configured differently. */
export async function runCli(args: readonly string[], given?: CliProcess): Promise<number> {
  const io = given ?? thisProcess();
  const [first = 'help', ...rest] = args;
  try {
    if (['help', '--help', '-h'].includes(first)) return help(rest[0], io);
    if (['version', '--version', '-v'].includes(first)) {
      io.print(`sluice ${packageVersion()} (Node ${process.version}, ${process.platform}-${process.arch})`);
      return 0;
    }
    const command = find(first);
    const parsed = parseArguments(command, rest);
    if (parsed.help) {
      io.print(helpOf(command));
      return 0;
    }
    const { run } = await command.load();
    return await run({ ...io, flags: parsed.flags, positionals: parsed.positionals });
  } catch (error) {
    for (const line of linesOf(error)) io.warn(`sluice: ${line}\n`);
    if (error instanceof UsageError)
      io.warn(`Run "sluice help${COMMANDS.some(({ name }) => name === first) ? ` ${first}` : ''}" for more.\n`);
    return exitCodeOf(error);
  }
}

function find(name: string) {
  const command = COMMANDS.find((row) => row.name === name);
  if (command) return command;
  const names = [...COMMANDS.map((row) => row.name), 'help', 'version'];
  const meant = nearest(name, names);
  throw new UsageError(`"${name}" is not a command; ${meant ? `did you mean "${meant}"?` : `there are ${names.join(', ')}`}`);
}

function help(name: string | undefined, io: CliProcess): number {
  if (name !== undefined) io.print(helpOf(find(name)));
  else {
    io.print(
      [
        'Sluice: live frames and data from any program, in any browser, on one clock.',
        '',
        'Usage: sluice COMMAND [options]',
        '',
        ...table([
          ...COMMANDS.map((row) => [[row.name, ...row.positionals].join(' '), row.summary] as const),
          ['help COMMAND', 'Shows the options of a command.'],
          ['version', 'Shows the version.'],
        ]),
      ].join('\n'),
    );
  }
  return 0;
}

/** The real process. The first Ctrl-C or SIGTERM asks the command to end, the second ends it at once. */
function thisProcess(): CliProcess {
  const abort = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (abort.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
    abort.abort(signal);
  };
  // Not SIGHUP: a handler would undo `nohup`.
  for (const signal of ['SIGINT', 'SIGTERM', ...(process.platform === 'win32' ? (['SIGBREAK'] as const) : [])] as const)
    process.on(signal, stop);
  // A reader that has gone (`| head`) is no reason to fail.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: process.stdin,
    print: (line) => void process.stdout.write(`${line}\n`),
    warn: (text) => void process.stderr.write(text),
    isTTY: process.stderr.isTTY === true,
    signal: abort.signal,
  };
}
