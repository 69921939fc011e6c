// Finds a Python for tests of the client; where there is none they are skipped, loudly in CI.
import { spawnSync } from 'node:child_process';

const CANDIDATES = ['python3', '/usr/bin/python3', 'python'];

/** A Python 3.9 or newer that has this module; `null` if there is none. */
export function pythonWith(module?: string): string | null {
  const check = `import sys; assert sys.version_info >= (3, 9)${module ? `; import ${module}` : ''}`;
  return CANDIDATES.find((name) => spawnSync(name, ['-c', check], { stdio: 'ignore' }).status === 0) ?? null;
}

/** CI sets SLUICE_TEST_REQUIRE_TOOLS: there a missing tool is a failure, elsewhere a note. */
export function missingTool(name: string): void {
  if (process.env.SLUICE_TEST_REQUIRE_TOOLS === '1') throw new Error(`${name} is missing, and SLUICE_TEST_REQUIRE_TOOLS is set`);
  process.stderr.write(`\n  SKIPPED: ${name} is missing on this machine\n`);
}
