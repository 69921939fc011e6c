// A trickle server of its own: where its channels are, and that it ends.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeCertificate, openssl } from '../../test/certificate.ts';
import { TrickleServer } from './server.ts';

it('takes base paths with slashes and without, and refuses what is none, however long it is', async () => {
  for (const [basePath, path] of [
    ['/', '/'],
    ['/trickle', '/trickle/'],
    ['/ai/trickle/', '/ai/trickle/'],
  ] as const) {
    await using server = await TrickleServer.start({ basePath });
    expect(new URL(server.url).pathname).toBe(path);
  }
  for (const basePath of ['', 'trickle', '//', '/a//b', `/${'long'.repeat(50)} name`]) {
    await expect(TrickleServer.start({ basePath }), basePath).rejects.toMatchObject({ code: 'bad-config' });
  }
});

it.skipIf(!openssl)('ends at once while somebody is connected who has not said anything yet', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trickle-tls-'));
  const files = await makeCertificate(folder);
  const [cert, key] = await Promise.all([readFile(files.tlsCert), readFile(files.tlsKey)]);
  await rm(folder, { recursive: true });
  const server = await TrickleServer.start({ tls: { cert, key } });
  const silent = connect(server.port, '127.0.0.1').on('error', () => {});
  await new Promise((resolve) => silent.once('connect', resolve));
  // Its connection is accepted before that of a request that comes after it.
  await new Promise((resolve, reject) => {
    request(`${server.url}cam/0`, { method: 'HEAD' }).on('error', reject).on('response', resolve).end();
  }).catch(() => {});
  const gone = new Promise((resolve) => silent.once('close', resolve));
  await server.close();
  await gone;
});
