// `sluice init`: a folder with a processor that runs at once.
import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { nearest } from '../api/zod-problem.ts';
import { type CommandContext, flagText, UsageError } from './context.ts';
import { TEMPLATES, type Template } from './templates.ts';
import { packageRoot } from './version.ts';

export async function run(context: CommandContext): Promise<number> {
  const [name = ''] = context.positionals;
  const template = templateOf(context);
  const folder = resolve(context.cwd, name);
  const stream = streamOf(basename(folder));
  const command = await commandOf(context, join(folder, 'sluice.config.yaml'));
  const files = TEMPLATES[template]!.files({ stream, command });
  if (context.flags.force !== true) await refuseUsed(folder, name, Object.keys(files));
  await mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
  for (const line of whatNow(name, folder, command, Object.keys(files), TEMPLATES[template]!, context)) context.print(line);
  return 0;
}

function templateOf(context: CommandContext): string {
  const asked = flagText(context, 'template');
  const python = context.flags.python === true;
  if (python && asked !== undefined && asked !== 'python')
    throw new UsageError(`--python and --template ${asked} received; give one of them`);
  const template = python ? 'python' : (asked ?? 'video');
  if (Object.hasOwn(TEMPLATES, template)) return template;
  const meant = nearest(template, Object.keys(TEMPLATES));
  const list = Object.entries(TEMPLATES).map(([key, { summary }]) => `  ${key.padEnd(10)}${summary}`);
  throw new UsageError([`--template: ${template} received${meant ? `; did you mean ${meant}?` : ''} There are:`, ...list].join('\n'));
}

/** The name of the folder as that of a stream. */
function streamOf(name: string): string {
  const fitting = name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 64);
  return /^[.-]*$/.test(fitting) ? 'scope' : fitting;
}

async function refuseUsed(folder: string, name: string, files: readonly string[]): Promise<void> {
  let there: string[];
  try {
    there = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new UsageError(`${name} is there and is no folder; give another name`);
  }
  const clash = files.filter((file) => there.includes(file));
  if (clash.length)
    throw new UsageError(`${join(name, clash[0]!)} is there already; give another name, or --force to write over ${clash.join(', ')}`);
}

/** What starts the server with this project: from a clone its npm script, else the program as it is installed. */
async function commandOf(context: CommandContext, config: string): Promise<string> {
  const root = packageRoot();
  const installed = await access(join(root, 'src')).then(
    () => false,
    () => true,
  );
  if (installed) return `npx sluice serve -c ${quoted(relative(context.cwd, config) || config)}`;
  const here = relative(root, context.cwd) === '';
  return here
    ? `npm run -s sluice -- serve -c ${quoted(relative(root, config))}`
    : `npm --prefix ${quoted(root)} run -s sluice -- serve -c ${quoted(config)}`;
}

function quoted(path: string): string {
  return /^[\w./\\:@-]+$/.test(path) ? path : JSON.stringify(path);
}

function* whatNow(name: string, folder: string, command: string, files: readonly string[], { program }: Template, context: CommandContext) {
  yield `${relative(context.cwd, folder) || name}: ${files.join(', ')}`;
  yield `Start it:  ${command}`;
  if (program) yield `and then:  cd ${quoted(relative(context.cwd, folder) || '.')} && ${program}    (in another terminal)`;
}
