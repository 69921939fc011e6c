// The viewers without a browser: other tests and the benches rely on what they count.
import { expect, it } from 'vitest';
import type { StreamStats } from '../src/api/schema.ts';
import { testServer } from '../test/server.ts';
import { sumOf, WhepClients } from './whep-clients.ts';

const cam = { source: { type: 'pattern', width: 320, height: 180, fps: 25 }, linger: '300ms' } as const;

it('viewers without a browser get whole pictures and their names, come and go, and connect again', async () => {
  await using server = await testServer();
  const make = () =>
    server.fetch('api/streams/cam', {
      method: 'PUT',
      body: JSON.stringify(cam),
      headers: { 'content-type': 'application/json' },
    });
  expect((await make()).status).toBe(201);
  const watching = async () => (await server.json<StreamStats>('api/streams/cam/stats')).outputs.webrtc?.viewers ?? 0;
  {
    await using viewers = await WhepClients.start(`${server.url}live/cam/whep`, 3, { reconnectAfter: 3000 });
    await viewers.untilMoving();
    await expect.poll(watching, { timeout: 20_000 }).toBe(3);
    const { counts, failures } = await viewers.counts();
    expect([counts.length, failures]).toEqual([3, []]);
    const sum = sumOf(counts);
    expect(sum.connections).toBeGreaterThanOrEqual(3);
    expect(sum.packets).toBeGreaterThanOrEqual(sum.pictures);
    await expect.poll(async () => sumOf((await viewers.counts()).counts).named, { timeout: 20_000 }).toBeGreaterThan(3);
    await viewers.set(1);
    await expect.poll(watching, { timeout: 20_000 }).toBe(1);
    const before = (await viewers.counts()).counts[0]!.connections;
    // Without packets it connects again and again, until there are some.
    await server.fetch('api/streams/cam', { method: 'DELETE' });
    await expect.poll(async () => (await viewers.counts()).failures.length, { timeout: 20_000 }).toBe(1);
    await make();
    await viewers.untilMoving();
    expect((await viewers.counts()).counts[0]!.connections).toBeGreaterThan(before);
  }
  await expect.poll(watching, { timeout: 20_000 }).toBe(0);
});

it('a refused viewer says why', async () => {
  await using server = await testServer({ streams: { cam } });
  await expect(WhepClients.start(`${server.url}live/nobody/whep`, 1)).rejects.toThrow(/WHEP: 404 .*nobody/);
});
