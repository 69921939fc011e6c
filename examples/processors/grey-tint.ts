// A function per frame: takes the colour out of each picture and tints it.   npx node examples/processors/grey-tint.ts [PORT]
// (`npm start` once installs and builds. In a project of your own the imports are from 'sluice' and 'zod'.)
import { z } from 'zod';
import { createServer, defineProcessor, type LibraryServer } from '../../src/index.ts';

const tint = defineProcessor({
  name: 'tint',
  params: z.object({
    red: z.number().min(0).max(1).default(1).meta({ title: 'Red', control: 'range', step: 0.01 }),
    green: z.number().min(0).max(1).default(0.8).meta({ title: 'Green', control: 'range', step: 0.01 }),
    blue: z.number().min(0).max(1).default(0.55).meta({ title: 'Blue', control: 'range', step: 0.01 }),
  }),
  video(frame, { params: { red, green, blue } }) {
    // The memory that will be shown: changed in place. The pattern gives rgb24.
    const pixels = frame.edit();
    for (let p = 0; p < pixels.length; p += 3) {
      const light = 0.2126 * pixels[p]! + 0.7152 * pixels[p + 1]! + 0.0722 * pixels[p + 2]!;
      pixels[p] = light * red;
      pixels[p + 1] = light * green;
      pixels[p + 2] = light * blue;
    }
    return frame;
  },
});

export function add(server: LibraryServer) {
  server.stream('tinted', { source: { type: 'pattern', kind: 'checkerboard', width: 640, height: 360, fps: 30 }, processors: [tint] });
}

if (import.meta.main) {
  const server = await createServer({ port: Number(process.argv[2] ?? 8000) });
  add(server);
  console.log(`Open ${server.url}`);
}
