// A running picture and live numbers in one page, from a node that only yields:  node examples/streamview/main.ts [--port 8000]
// (`npm start` once installs and builds. In a project of your own the import is from 'sluice'.)
import { createServer, defineSource, runNodes } from '../../src/index.ts';
import { readOptions } from '../options.ts';
import { makeCells } from './cells.ts';

const [width, height, fps] = [1280, 720, 30];
const { values } = readOptions({ options: { port: { type: 'string', default: '8000' }, 'data-dir': { type: 'string' } } });

const imaging = defineSource({
  fps,
  width,
  height,
  run: async function* ({ clock }) {
    const cells = makeCells(width, height, 64);
    for (let before = clock.now(); ; ) {
      const now = clock.now();
      cells.step((now - before) / 1e6);
      before = now;
      const { pixels, activity, flashed } = cells;
      const mean = activity.reduce((sum, value) => sum + value, 0) / activity.length;
      // One instant: the picture, its numbers, a vector with one value per cell.
      yield [pixels, { metrics: { activity: 100 * mean, flashing: flashed.length, cells: activity } }];
      // Events belong to the frame before them. Three cells at once are worth a marker.
      if (flashed.length >= 3) {
        const boxes = flashed.map((cell) => ({ x: cells.at(cell).x - 20, y: cells.at(cell).y - 20, w: 40, h: 40, label: `cell ${cell}` }));
        yield { marker: { label: `${flashed.length} cells flash together`, kind: 'burst' }, data: { boxes } };
      }
    }
  },
});

const options = { port: Number(values.port), ...(values['data-dir'] && { dataDir: values['data-dir'] }) };
const server = await createServer(options).catch((error: Error) => {
  console.error(error.message);
  process.exit(2);
});
const nodes = await runNodes(server, {
  nodes: [
    {
      stream: 'cells',
      source: imaging,
      config: {
        title: 'Calcium imaging',
        metrics: {
          activity: { label: 'Mean activity', unit: '%', min: 0, max: 40 },
          flashing: { label: 'Cells that begin to flash' },
          cells: { label: 'Activity of each cell', min: 0, max: 1 },
        },
      },
    },
  ],
});
console.log(`Open ${server.url}?stream=cells`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    const [node] = nodes.nodes;
    await server.close();
    console.log(`${node?.frames} frames, ${node?.dropped} dropped, ${node?.missed} ticks missed, started ${node?.starts} time(s)`);
  });
}
