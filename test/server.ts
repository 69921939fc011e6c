// A real server on a free port with a data folder of its own; both go with the scope.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, silentLogger } from '../src/core/log.ts';
import { resolveConfig, type ServerConfigInput } from '../src/server/config.ts';
import { type SluiceServer, startServer } from '../src/server/server.ts';

export interface TestServer extends SluiceServer {
  /** Fetches a path below the server's address. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  json<T>(path: string, init?: RequestInit): Promise<T>;
}

/** Starts a server. `dataDir` given: it is kept, for tests of restarts. */
export async function testServer(config: ServerConfigInput = {}, log: Logger = silentLogger): Promise<TestServer> {
  const own = config.dataDir === undefined;
  const dataDir = config.dataDir ?? (await mkdtemp(join(tmpdir(), 'sluice-test-')));
  const server = await startServer(await resolveConfig({ port: 0, ...config, dataDir }), { log });
  const close = async () => {
    await server.close();
    if (own) await rm(dataDir, { recursive: true, force: true });
  };
  const fetchPath = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), init);
  return {
    ...server,
    close,
    fetch: fetchPath,
    json: async <T>(path: string, init?: RequestInit) => (await fetchPath(path, init)).json() as Promise<T>,
    [Symbol.asyncDispose]: close,
  };
}
