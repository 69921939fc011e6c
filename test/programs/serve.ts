// A server to be killed: `node serve.ts DATA_DIR CONFIG_JSON`. Prints its address.
import { silentLogger } from '../../src/core/log.ts';
import { resolveConfig } from '../../src/server/config.ts';
import { startServer } from '../../src/server/server.ts';

const [dataDir, config = '{}'] = process.argv.slice(2);
const server = await startServer(await resolveConfig({ port: 0, ...JSON.parse(config), dataDir }), { log: silentLogger });
process.stdout.write(`${server.url}\n`);
