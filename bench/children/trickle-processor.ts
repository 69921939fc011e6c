// A processor server in a process of its own: what comes passes, or goes out as a copy that counts as changed.
import { silentLogger } from '../../src/core/log.ts';
import type { StreamProcessorServer } from '../../src/processor-server/processor-server.ts';
import { runStreamProcessor } from '../../src/processor-server/run.ts';
import { childArgument, serveParent } from '../child.ts';

const { changes } = childArgument<{ readonly changes: boolean }>();
const server: StreamProcessorServer = await runStreamProcessor({
  name: 'pass',
  port: 0,
  maxStreams: 8,
  log: silentLogger,
  processor: {
    video: (frame) => {
      if (!changes) return null;
      frame.edit();
      return frame;
    },
  },
});
await server.loaded;

const methods = {
  url: () => server.url,
  /** CPU time since the start of the process, ms. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  rss: () => process.memoryUsage.rss(),
};

export type ProcessorMethods = typeof methods;

serveParent(methods, () => server.close());
