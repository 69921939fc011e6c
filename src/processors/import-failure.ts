// Why a user's file cannot be imported, for people.
import { basename } from 'node:path';

/** One line. What cannot be parsed is told with the number of its line, which Node has only at the head of the stack. */
export function importFailure(path: string, error: unknown): string {
  const name = basename(path);
  if (!(error instanceof Error)) return `${name} cannot be read: ${String(error).split('\n')[0]}`;
  if ('code' in error && error.code === 'ERR_UNSUPPORTED_DIR_IMPORT') return `${path} is a folder; expected a file`;
  const [, file, line] = /^(?:file:\/\/)?(\/.+|[A-Za-z]:[\\/].+):(\d+)\r?\n/.exec(error.stack ?? '') ?? [];
  const other = file && basename(file) !== name ? ` of ${basename(file)}` : '';
  return `${name} cannot be read: ${line ? `line ${line}${other}: ` : ''}${error.message.split('\n')[0]}`;
}
