// The server under test in a process of its own, so that its CPU time and memory are its own.
import { readdirSync, readFileSync } from 'node:fs';
import { silentLogger } from '../../src/core/log.ts';
import { resolveConfig, type ServerConfigInput } from '../../src/server/config.ts';
import { startServer } from '../../src/server/server.ts';
import { childArgument, serveParent } from '../child.ts';

/** CPU time since the start of the process, in ms. */
export interface Usage {
  readonly all: number;
  /** Of the media workers (sources and encoders); `null` where the system does not tell threads apart. */
  readonly media: number | null;
}

const config = childArgument<ServerConfigInput>();
const server = await startServer(await resolveConfig({ ...config, host: '127.0.0.1', port: 0 }), { log: silentLogger });

/** Linux names threads, and its schedstat begins with nanoseconds on a CPU. */
function mediaMs(): number | null {
  try {
    let total = 0;
    for (const task of readdirSync('/proc/self/task')) {
      const folder = `/proc/self/task/${task}`;
      if (readFileSync(`${folder}/comm`, 'utf8').trim() !== 'sluice-media') continue;
      total += Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    }
    return total;
  } catch {
    return null;
  }
}

const methods = {
  url: () => server.url,
  usage: (): Usage => {
    const { user, system } = process.cpuUsage();
    return { all: (user + system) / 1000, media: mediaMs() };
  },
  /** Resident bytes after a full garbage collection: what is really held. */
  memory: (): number => {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  },
};

export type ServerMethods = typeof methods;

serveParent(methods, () => server.close());
