import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const page = (name: string) => fileURLToPath(new URL(`web/${name}.html`, import.meta.url));

const STABLE = new Set(['player', 'chart']);

// One build: the dashboard, the one-player page, and player.js and chart.js, which anybody's page can load by a stable name.
export default defineConfig({
  root: 'web',
  base: './',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: false,
    rolldownOptions: {
      input: {
        index: page('index'),
        embed: page('embed'),
        player: fileURLToPath(new URL('src/player/element.ts', import.meta.url)),
        chart: fileURLToPath(new URL('src/player/chart/element.ts', import.meta.url)),
      },
      output: {
        entryFileNames: (chunk) => (STABLE.has(chunk.name) ? '[name].js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
      preserveEntrySignatures: 'strict',
    },
  },
  worker: { format: 'es' },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { proxy: { '/api': 'http://127.0.0.1:8000', '/live': { target: 'http://127.0.0.1:8000', ws: true } } },
});
