// Programs from outside that judge us. Where one is missing its tests are skipped loudly; CI installs them and skips none.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findOnnxRuntime, ONNX_PACKAGE } from '../src/native/onnx.ts';

/** Whether a command is there. With SLUICE_TEST_REQUIRE_TOOLS=1 (CI) a missing one is an error. */
export function hasTool(command: string, args: readonly string[] = ['-version']): boolean {
  const found = spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
  if (!found) {
    const message = `${command} is not installed: the tests that need it do not run`;
    if (process.env.SLUICE_TEST_REQUIRE_TOOLS === '1') throw new Error(message);
    console.warn(`SKIPPED: ${message}`);
  }
  return found;
}

/** Whether the engine of models is there: examples/onnx brings it (`npm ci --ignore-scripts` in that folder), as an optional peer of Sluice. */
export function hasOnnx(): boolean {
  const found = findOnnxRuntime([ONNX_FOLDER]) !== null;
  if (!found) {
    const message = `${ONNX_PACKAGE} is not installed (npm ci --ignore-scripts in examples/onnx): the tests that need it do not run`;
    if (process.env.SLUICE_TEST_REQUIRE_TOOLS === '1') throw new Error(message);
    console.warn(`SKIPPED: ${message}`);
  }
  return found;
}

/** Where examples/onnx keeps it. */
export const ONNX_FOLDER = fileURLToPath(new URL('../examples/onnx', import.meta.url));
