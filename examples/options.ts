import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The options of the command line. A wrong one is told in a sentence, with exit code 2. */
export function readOptions<const Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}
