import { expect, it } from 'vitest';
import { testServer } from '../../../test/server.ts';

it('gives exactly as many bytes as were asked for, up to its limit', async () => {
  await using server = await testServer();
  for (const bytes of [1, 65_536, 200_001]) {
    const answer = await server.fetch(`api/bandwidth?bytes=${bytes}`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect((await answer.arrayBuffer()).byteLength).toBe(bytes);
  }
  for (const bytes of ['0', '8000001', 'many']) expect((await server.fetch(`api/bandwidth?bytes=${bytes}`)).status).toBe(400);
});
