// What `sluice init` writes: projects with one processor, each of which runs at once.

export interface Template {
  /** One line. */
  readonly summary: string;
  /** File name and content. */
  readonly files: (names: TemplateNames) => Readonly<Record<string, string>>;
  /** Beside the server a program of its own has to be started. */
  readonly program?: string;
}

export interface TemplateNames {
  /** Name of the stream. */
  readonly stream: string;
  /** How the server is started, from anywhere. */
  readonly command: string;
}

const readme = ({ stream, command }: TemplateNames, file: string, more = '') => `# ${stream}

A processor for Sluice: \`${file}\`.

\`\`\`sh
${command}
${more}\`\`\`

Open http://127.0.0.1:8000 and choose the stream \`${stream}\`. Its params are in the panel Params, and change live; over REST:

\`\`\`sh
curl -X PATCH -H 'Content-Type: application/json' -d '{"amount": 0.5}' http://127.0.0.1:8000/api/streams/${stream}/params
\`\`\`

\`sluice.config.yaml\` says where pictures come from and how the processor is run: \`flow\` (latest, every, { parallel: 4 }), \`fps\`, \`deadline\`,
\`onError\`. After a change of \`${file}\` start the server again. For types in an editor: \`npm run build\` in the
folder of Sluice, and \`npm install --save-dev --ignore-scripts FOLDER-OF-SLUICE\` here.
`;

const config = (
  stream: string,
  source: string,
  processor: string,
) => `# Every key is described in docs/configuration.md, processors in docs/processors.md.
streams:
  ${stream}:
    source: ${source}
    processors:
      ${processor}
`;

const PICTURES =
  '{ type: pattern, kind: checkerboard, width: 640, height: 360, fps: 30 }   # or { type: ffmpeg, url: camera }, { type: push }';

/** A project of one TypeScript file. */
const typescript = (summary: string, code: string, source = PICTURES): Template => ({
  summary,
  files: (names) => ({
    'processor.ts': code,
    'sluice.config.yaml': config(names.stream, source, '- { id: processor, use: ./processor.ts }'),
    'README.md': readme(names, 'processor.ts'),
  }),
});

const VIDEO = `// Mirrors each picture and takes some of its light.
import { defineProcessor } from 'sluice';
import { z } from 'zod';

export default defineProcessor({
  params: z.object({
    mirror: z.boolean().default(true).meta({ title: 'Mirror' }),
    amount: z.number().min(0).max(1).default(0.8).meta({ title: 'Light', control: 'range', step: 0.01 }),
  }),
  video(frame, { params, metric }) {
    const from = frame.rgb(); // 8-bit RGB of any format; frame.pixels has the samples as they are
    const { width, height } = frame;
    const pixels = new Uint8Array(width * height * 3);
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0; x < width; x++, to += 3) {
        const at = (y * width + (params.mirror ? width - 1 - x : x)) * 3;
        for (let c = 0; c < 3; c++) pixels[to + c] = from[at + c]! * params.amount;
      }
    }
    metric({ middle: pixels[pixels.length >> 1]! });
    return { pixels, format: 'rgb24' }; // null: the picture passes as it is; WITHHOLD: it is not shown
  },
});
`;

const MARKERS = `// Looks at the light of each picture and marks when it changes by much. The picture passes as it is.
import { defineProcessor } from 'sluice';
import { z } from 'zod';

export default defineProcessor({
  params: z.object({
    amount: z.number().min(0).max(1).default(0.01).describe('change of the mean that makes a marker').meta({ title: 'Change', step: 0.005 }),
  }),
  load: () => ({ before: null as number | null }),
  video(frame, { params, state, metric, marker }) {
    const light = frame.tensor({ channels: 'gray', width: 64, height: 36 }); // floats 0 to 1
    const mean = light.reduce((sum, value) => sum + value, 0) / light.length;
    metric({ light: mean });
    if (state.before !== null && Math.abs(mean - state.before) > params.amount) {
      marker({ label: mean > state.before ? 'lighter' : 'darker', kind: 'light' });
    }
    state.before = mean;
    return null;
  },
});
`;

const TEXT = `// Says something about the stream every so many frames: records of data, which the page shows and GET …/data gives.
import { defineProcessor } from 'sluice';
import { z } from 'zod';

export default defineProcessor({
  params: z.object({ every: z.number().int().min(1).default(30).meta({ title: 'Every', unit: 'frames' }) }),
  load: () => ({ frames: 0 }),
  video(frame, { params, state, data }) {
    if (state.frames++ % params.every === 0) data({ text: \`frame \${frame.id}: \${frame.width} x \${frame.height} \${frame.format}\` });
    return null;
  },
});
`;

const SOUND = `// An echo, and how loud it is.
import { defineProcessor } from 'sluice';
import { z } from 'zod';

export default defineProcessor({
  params: z.object({
    delay: z.number().min(0.05).max(2).default(0.3).meta({ title: 'Delay', unit: 's', control: 'range', step: 0.05 }),
    amount: z.number().min(0).max(0.95).default(0.5).meta({ title: 'Amount', control: 'range', step: 0.05 }),
  }),
  // Two seconds of sound for each channel.
  load: () => ({ past: [] as Float32Array[], at: 0 }),
  audio(block, { params, state, metric }) {
    const scale = block.format === 's16' ? 1 / 32768 : 1;
    const length = Math.max(1, Math.round(params.delay * block.rate));
    const { samples, channels } = block;
    const out = Array.from({ length: channels }, () => new Float32Array(samples));
    for (let c = 0; c < channels; c++) {
      if (state.past[c]?.length !== block.rate * 2) state.past[c] = new Float32Array(block.rate * 2);
      const past = state.past[c]!;
      for (let i = 0; i < samples; i++) {
        const input = block.format === 's16' ? block.data[0]![i * channels + c]! : block.data[c]![i]!;
        const place = (state.at + i) % past.length;
        const echo = past[(place - length + past.length) % past.length]!;
        past[place] = input * scale + echo * params.amount;
        out[c]![i] = Math.max(-1, Math.min(1, past[place]!));
      }
    }
    state.at += samples;
    metric({ level: Math.sqrt(out[0]!.reduce((sum, value) => sum + value * value, 0) / Math.max(1, samples)) });
    return { data: out, format: 'fltp' };
  },
});
`;

const PYTHON = (stream: string) => `"""A processor in Python: it runs in this process, and is started again by itself when it fails."""
from sluice import Param, processor, run


@processor(stream="${stream}", params={"amount": Param(1.0, min=0.0, max=1.0, title="Amount", control="range")})
def video(frame, ctx):
    pixels = frame.array                       # numpy, in the memory that is shown
    ctx.metric({"mean": float(pixels.mean())})
    pixels[...] = pixels + (255.0 - 2.0 * pixels) * ctx.params.amount     # the negative
    return frame                               # None: the picture passes as it is; WITHHOLD: it is not shown


if __name__ == "__main__":
    run(video, server="http://127.0.0.1:8000")
`;

export const TEMPLATES: Readonly<Record<string, Template>> = {
  video: typescript('changes each picture (TypeScript)', VIDEO),
  markers: typescript('looks at the pictures: metrics and markers, no change', MARKERS),
  text: typescript('a text every so many frames', TEXT),
  sound: typescript(
    'an echo, with a level meter',
    SOUND,
    '{ type: pattern, kind: testbars, width: 640, height: 360, fps: 30, audio: true }',
  ),
  python: {
    summary: 'the negative of each picture, in a process of its own (Python with numpy)',
    files: (names) => ({
      'processor.py': PYTHON(names.stream),
      'sluice.config.yaml': config(
        names.stream,
        '{ type: pattern, kind: checkerboard, width: 640, height: 360, fps: 30 }',
        '- { use: external }',
      ),
      'README.md': readme(names, 'processor.py', '# and in another terminal, in this folder:\npython3 processor.py\n'),
    }),
    program: 'python3 processor.py',
  },
};
