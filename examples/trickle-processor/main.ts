// The whole way of an AI video stream on one machine, in one command: a camera, a trickle server, a processor as a Livepeer gateway would
// drive it, and a page with both pictures.  npx node examples/trickle-processor/main.ts [--port 8000]
// (`npm start` once installs and builds. In a project of your own the import is from 'sluice'.)
import { createServer, runStreamProcessor, SluiceError } from '../../src/index.ts';
import { readOptions } from '../options.ts';
import spotlight from './spotlight.ts';

const { values } = readOptions({ options: { port: { type: 'string', default: '8000' }, 'data-dir': { type: 'string' } } });
const port = Number(values.port);

try {
  // The camera and the trickle server: each stream of a Sluice server is a channel under /trickle/ while somebody reads it.
  const server = await createServer({ port, ...(values['data-dir'] && { dataDir: values['data-dir'] }) });
  server.stream('camera', {
    title: 'Camera',
    source: { type: 'pattern', kind: 'squares', width: 640, height: 360, fps: 30, audio: true },
  });
  const channels = new URL('trickle/', server.url).href;

  // The processor, on the port after it. It has a page of its own, too.
  const processor = await runStreamProcessor({ name: 'spotlight', port: port && port + 1, processor: spotlight });
  await processor.loaded;

  // What a gateway says to it. The channels that it writes are made when it begins to.
  const answer = await fetch(new URL('stream/start', processor.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      gateway_request_id: 'demo',
      subscribe_url: `${channels}camera`,
      publish_url: `${channels}demo-out`,
      events_url: `${channels}demo-events`,
      params: { level: 90 },
    }),
  });
  if (!answer.ok) throw new SluiceError('source-failed', `the processor answered ${answer.status}: ${await answer.text()}`);

  // What comes out of it, as one more stream of the first server: times and numbers of the frames are those of the camera.
  server.stream('spotlight', { title: 'Spotlight', source: { type: 'trickle', url: `${channels}demo-out` } });

  console.log(`Camera and result side by side   ${server.url}?compare=camera~spotlight`);
  console.log(`The processor's own page         ${processor.url}?stream=demo`);
  console.log('Change what it does:');
  console.log(`  curl ${processor.url}stream/params -H 'Content-Type: application/json' -d '{"level": 160}'`);
  console.log(`  curl ${processor.url}stream/status`);
  console.log(`Its events, as a gateway reads them:  curl ${channels}demo-events/-1`);

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await processor.close();
      await server.close();
    });
  }
} catch (error) {
  console.error((error as Error).message);
  process.exit(2);
}
