// Programs from outside that judge us. Where one is missing its tests are skipped loudly; CI installs them and skips none.
import { spawnSync } from 'node:child_process';

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
