#!/usr/bin/env node
// The program `sluice`. Old versions of Node must reach the sentence below, so nothing is imported before it.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `sluice needs Node 24.15 or newer; this is ${process.version}. In a clone, "npm start" and "npm run sluice" bring their own.\n`,
  );
  process.exit(2);
}

const { runCli } = await import('./run.ts');
process.exitCode = await runCli(process.argv.slice(2));
// What a library has left running must not keep a finished program alive.
setTimeout(() => process.exit(), 500).unref();
