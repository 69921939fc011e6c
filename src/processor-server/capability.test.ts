import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { Scope } from '../core/scope.ts';
import { capabilityOf, Registration } from './capability.ts';
import { CapabilitySettings } from './settings.ts';

const settings = { capability: undefined, maxStreams: 3, name: 'grey' };
const place = { url: 'http://127.0.0.1:8000/', name: '' };
let scope = new Scope();
afterEach(async () => {
  await scope.close();
  scope = new Scope();
});

/** An orchestrator that gives these answers, one after the other. */
async function orchestrator(...codes: number[]) {
  const asked: { url: string; method: string; headers: IncomingHttpHeaders; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await Array.fromAsync(request);
    const { url = '', method = '', headers } = request;
    asked.push({ url, method, headers, body: JSON.parse(Buffer.concat(chunks).toString()) });
    const code = codes[Math.min(asked.length, codes.length) - 1]!;
    // 0: no answer at all.
    if (code) response.writeHead(code).end('words');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function register(env: Record<string, string>, more: object = {}) {
  const capability = capabilityOf({ ...settings, capability: CapabilitySettings.parse({ delay: 0.01, ...more }) }, { ...place, env })!;
  const told: [string, string, string | null][] = [];
  const state = { component: (name: string, value: string, error: string | null = null) => void told.push([name, value, error]) };
  return { told, done: scope.use(new Registration(capability, state, silentLogger)).done };
}

describe('what is registered', () => {
  it('is nothing without orchestrator and secret, or where it is switched off', () => {
    expect(capabilityOf(settings, { ...place, env: {} })).toBeNull();
    expect(capabilityOf(settings, { ...place, env: { ORCH_URL: 'http://o' } })).toBeNull();
    expect(capabilityOf({ ...settings, capability: false }, { ...place, env: { ORCH_URL: 'http://o', ORCH_SECRET: 's' } })).toBeNull();
  });

  it('comes from the environment, and settings come first', () => {
    const env = {
      ORCH_URL: 'https://o:8935',
      ORCH_SECRET: 's',
      CAPABILITY_DESCRIPTION: 'd',
      CAPABILITY_URL: 'http://me:9000',
      CAPABILITY_CAPACITY: '7',
      CAPABILITY_PRICE_PER_UNIT: '10',
      CAPABILITY_PRICE_SCALING: '2',
      ORCH_INSECURE: '1',
    };
    expect(capabilityOf(settings, { ...place, name: 'model', env })).toMatchObject({
      insecure: true,
      retries: 3,
      delay: 2,
      timeout: 1.5,
      body: { url: 'http://me:9000', name: 'model', description: 'd', capacity: 7, price_per_unit: 10, price_scaling: 2 },
    });
    const given = CapabilitySettings.parse({ url: 'http://own:1', capacity: 2, name: 'own', insecure: false });
    expect(capabilityOf({ ...settings, capability: given }, { ...place, env })).toMatchObject({
      insecure: false,
      body: { url: 'http://own:1', name: 'own', capacity: 2, price_per_unit: 10 },
    });
  });

  it('is this server with as many streams as it takes, where nobody says otherwise', () => {
    const env = { ORCH_URL: 'http://o', ORCH_SECRET: 's' };
    expect(capabilityOf(settings, { ...place, env })!.body).toEqual({
      url: 'http://127.0.0.1:8000',
      name: 'grey',
      description: 'grey, a Sluice stream processor',
      capacity: 3,
      price_per_unit: 0,
      price_scaling: 1,
    });
  });

  it.each([
    ['CAPABILITY_CAPACITY', '0', 'expected an integer from 1 up'],
    ['CAPABILITY_PRICE_PER_UNIT', 'much', 'expected an integer from 0 up'],
    ['CAPABILITY_URL', 'me:9000', 'expected an address with http:// or https://'],
    ['ORCH_URL', 'nowhere', 'expected an address with http:// or https://'],
  ])('%s=%s is refused', (name, value, words) => {
    const env = { ORCH_URL: 'http://o', ORCH_SECRET: 's', [name]: value };
    expect(() => capabilityOf(settings, { ...place, env })).toThrow(`${name}: ${JSON.stringify(value)} received; ${words}`);
  });
});

describe('registration', () => {
  it('posts what the orchestrator expects, once', async () => {
    const { url, asked } = await orchestrator(200);
    const { told, done } = register({ ORCH_URL: `${url}/`, ORCH_SECRET: 'secret' });
    expect(await done).toBe(true);
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({
      url: '/capability/register',
      method: 'POST',
      headers: { authorization: 'secret', 'content-type': 'application/json' },
    });
    expect(Object.keys(asked[0]!.body as object)).toEqual(['url', 'name', 'description', 'capacity', 'price_per_unit', 'price_scaling']);
    expect(told.at(-1)).toEqual(['capability', 'RUNNING', null]);
  });

  it('ends with a secret that is not taken', async () => {
    const { url, asked } = await orchestrator(400, 200);
    const { told, done } = register({ ORCH_URL: url, ORCH_SECRET: 'wrong' });
    expect(await done).toBe(false);
    expect(asked).toHaveLength(1);
    expect(told.at(-1)).toEqual(['capability', 'ERROR', 'the orchestrator does not take the secret (400)']);
  });

  it('is tried three times', async () => {
    const { url, asked } = await orchestrator(500, 503, 502, 200);
    const { told, done } = register({ ORCH_URL: url, ORCH_SECRET: 's' });
    expect(await done).toBe(false);
    expect(asked).toHaveLength(3);
    expect(told.at(-1)).toEqual(['capability', 'ERROR', 'the orchestrator answered 502']);
  });

  it('succeeds late, also after one that did not answer', async () => {
    const { url, asked } = await orchestrator(0, 500, 200);
    const { told, done } = register({ ORCH_URL: url, ORCH_SECRET: 's' }, { timeout: 1 });
    expect(await done).toBe(true);
    expect(asked).toHaveLength(3);
    expect(told.map(([, , error]) => error)).toContain('the orchestrator did not answer within 1 s');
  });

  it('tells a secret that no header can carry, and an orchestrator that is not there', async () => {
    const { told, done } = register({ ORCH_URL: 'http://127.0.0.1:1', ORCH_SECRET: 'a\nb' });
    expect(await done).toBe(false);
    expect(told.at(-1)![1]).toBe('ERROR');
    const nobody = register({ ORCH_URL: 'http://127.0.0.1:1', ORCH_SECRET: 's' }, { retries: 1 });
    expect(await nobody.done).toBe(false);
    expect(nobody.told.at(-1)![2]).toContain('ECONNREFUSED');
  });
});
