// Sluice as a library: `import { createServer } from 'sluice'`.

export { SluiceError } from './core/errors.ts';
export { defineConfig } from './server/config.ts';
export { createServer, type FrameInput, type LibraryServer, type LibraryStream } from './server/library.ts';
