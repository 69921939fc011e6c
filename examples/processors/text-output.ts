// Says something every so many frames; what it says is data of that frame.   npx node examples/processors/text-output.ts [PORT]
// Read it in the page, by GET /api/streams/told/data, or as it comes by GET /api/events?streams=told&types=data.
import { z } from 'zod';
import { createServer, defineProcessor, type LibraryServer } from '../../src/index.ts';

const teller = defineProcessor({
  name: 'teller',
  params: z.object({ every: z.number().int().min(1).max(10_000).default(30).meta({ title: 'Every', unit: 'frames' }) }),
  load: () => ({ frames: 0 }),
  video(frame, { params, state, data }) {
    if (state.frames++ % params.every === 0) {
      const light = frame.tensor({ channels: 'gray', width: 32, height: 18 });
      const mean = light.reduce((sum, value) => sum + value, 0) / light.length;
      data({ text: `frame ${frame.id}: ${Math.round(mean * 100)} % light` });
    }
    return null;
  },
});

export function add(server: LibraryServer) {
  server.stream('told', { source: { type: 'pattern', kind: 'testbars', width: 640, height: 360, fps: 30 }, processors: [teller] });
}

if (import.meta.main) {
  const server = await createServer({ port: Number(process.argv[2] ?? 8000) });
  add(server);
  console.log(`Open ${server.url}`);
}
