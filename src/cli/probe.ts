// Looks at the native parts in a process of its own: one that crashes while loading must not take the command with it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the native parts say. `error` = why a part cannot be used. */
export interface Probe {
  readonly ffmpeg: { readonly version: string; readonly h264: readonly string[] } | { readonly error: string };
  readonly jpeg: { readonly ok: true } | { readonly error: string };
  readonly cameras: readonly { readonly name: string; readonly description: string }[];
}

const TIMEOUT_MS = 15_000;

/** Runs the look. Never rejects. */
export function probe(): Promise<Probe> {
  const here = import.meta.url;
  const script = fileURLToPath(new URL(`./probe-child${here.endsWith('.ts') ? '.ts' : '.js'}`, here));
  return new Promise((resolve) => {
    execFile(process.execPath, [script], { timeout: TIMEOUT_MS, windowsHide: true }, (failure, stdout, stderr) => {
      try {
        resolve(JSON.parse(stdout) as Probe);
      } catch {
        const error = stderr.trim().split('\n').at(-1) || failure?.message || 'no answer';
        resolve({ ffmpeg: { error }, jpeg: { error }, cameras: [] });
      }
    });
  });
}
