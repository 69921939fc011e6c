// A trickle server in a process of its own.
import { TrickleServer } from '../../src/trickle/server.ts';
import { serveParent } from '../child.ts';

const server = await TrickleServer.start({ autocreate: true });
const methods = {
  url: () => server.url,
  /** CPU time since the start of the process, ms. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

export type TrickleServerMethods = typeof methods;

serveParent(methods, () => server.close());
