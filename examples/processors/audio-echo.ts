// An echo in the sound of a stream.   npx node examples/processors/audio-echo.ts [PORT]     (switch the sound on in the player)
import { z } from 'zod';
import { createServer, defineProcessor, type LibraryServer } from '../../src/index.ts';

const echo = defineProcessor({
  name: 'echo',
  params: z.object({
    delay: z.number().min(0.05).max(1).default(0.3).meta({ title: 'Delay', unit: 's', control: 'range', step: 0.05 }),
    amount: z.number().min(0).max(0.9).default(0.5).meta({ title: 'Amount', control: 'range', step: 0.05 }),
  }),
  // For each channel what was heard within the last second or longer.
  load: () => ({ past: [] as Float32Array[], at: 0 }),
  audio(block, { params, state, metric }) {
    const { samples, channels, rate } = block;
    const length = Math.round(params.delay * rate);
    const data = Array.from({ length: channels }, (_, channel) => {
      if (state.past[channel]?.length !== rate * 2) state.past[channel] = new Float32Array(rate * 2);
      const past = state.past[channel]!;
      return Float32Array.from({ length: samples }, (_, i) => {
        const input = block.format === 's16' ? block.data[0]![i * channels + channel]! / 32_768 : block.data[channel]![i]!;
        const place = (state.at + i) % past.length;
        past[place] = input + past[(place - length + past.length) % past.length]! * params.amount;
        return Math.max(-1, Math.min(1, past[place]!));
      });
    });
    state.at += samples;
    metric({ level: Math.max(...data[0]!.map(Math.abs)) });
    return { data, format: 'fltp' };
  },
});

export function add(server: LibraryServer) {
  const source = { type: 'pattern', kind: 'testbars', width: 640, height: 360, fps: 30, audio: true } as const;
  server.stream('echoed', { source, processors: [echo] });
}

if (import.meta.main) {
  const server = await createServer({ port: Number(process.argv[2] ?? 8000) });
  add(server);
  console.log(`Open ${server.url}`);
}
