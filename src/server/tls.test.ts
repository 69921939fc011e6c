import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { makeCertificate, openssl } from '../../test/certificate.ts';
import { silentLogger } from '../core/log.ts';
import { Scope } from '../core/scope.ts';
import { followTls, noteEnd, readTls, secureServer } from './tls.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Name in the certificate that a server shows. */
async function shownBy(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

it.runIf(openssl)('every file that does not fit is refused by the name of its setting', async () => {
  const dir = await folder();
  const a = await makeCertificate(dir, 'a');
  const b = await makeCertificate(dir, 'b');
  const junk = join(dir, 'junk.pem');
  const locked = join(dir, 'locked.pem');
  await writeFile(junk, 'hello');
  execFileSync('openssl', ['pkey', '-in', a.tlsKey, '-aes128', '-passout', 'pass:x', '-out', locked]);
  const names = { tlsCert: '--tls-cert', tlsKey: 'SLUICE_TLS_KEY' };
  const reason = (cert: string, key: string) => readTls({ cert, key }, names).then(String, (error: Error) => error.message);
  expect(await reason(a.tlsCert, a.tlsKey)).toBe('[object Object]');
  expect(await reason(join(dir, 'none'), a.tlsKey)).toMatch(/^--tls-cert: the file .*none cannot be read$/);
  expect(await reason(a.tlsCert, join(dir, 'none'))).toMatch(/^SLUICE_TLS_KEY: the file .*none cannot be read$/);
  expect(await reason(junk, a.tlsKey)).toMatch(/^--tls-cert: .*junk.pem holds no certificate; expected PEM/);
  expect(await reason(a.tlsKey, a.tlsCert)).toMatch(/^--tls-cert: .*holds a private key: are both swapped/);
  expect(await reason(a.tlsCert, junk)).toMatch(/^SLUICE_TLS_KEY: .*junk.pem holds no private key/);
  expect(await reason(a.tlsCert, locked)).toMatch(/^SLUICE_TLS_KEY: .*locked with a passphrase.*openssl pkey/);
  expect(await reason(a.tlsCert, b.tlsKey)).toMatch(/^SLUICE_TLS_KEY: .*b-key.pem is not the key of the certificate .*a.pem \(CN=a\)$/);
});

it.runIf(openssl)('a certificate that ended or ends soon is told', async () => {
  const dir = await folder();
  const said: string[] = [];
  const log = { ...silentLogger, warn: (_: object, text: string) => void said.push(text) };
  const { tlsCert, tlsKey } = await makeCertificate(dir);
  const pair = await readTls({ cert: tlsCert, key: tlsKey });
  noteEnd(pair, log as never);
  expect(said).toEqual([]);
  noteEnd(pair, log as never, Date.now() + 25 * 86_400_000);
  noteEnd(pair, log as never, Date.now() + 31 * 86_400_000);
  expect(said).toEqual(['the TLS certificate ends within a week', 'the TLS certificate has ended: browsers refuse it']);
});

it.runIf(openssl)('a renewed certificate is used without a restart; one that cannot be used leaves the old one', async () => {
  const dir = await folder();
  const first = await makeCertificate(dir, 'first');
  const second = await makeCertificate(dir, 'second');
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') };
  let age = 1000;
  const put = async (cert: string, key: string) => {
    await copyFile(cert, files.cert);
    await copyFile(key, files.key);
    // The times of two copies may be the same where clocks are coarse.
    age += 10;
    for (const path of [files.cert, files.key]) await utimes(path, age, age);
  };
  await put(first.tlsCert, first.tlsKey);
  const server = secureServer(await readTls(files), (_request, response) => void response.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const scope = new Scope();
  onTestFinished(async () => {
    await scope.close();
    server.closeAllConnections();
    server.close();
  });
  const said: string[] = [];
  const note = (_: object, text: string) => void said.push(text);
  followTls(scope, server, files, { ...silentLogger, warn: note, info: note } as never, 20);
  expect(await shownBy(port)).toBe('first');
  // A connection that is open stays.
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  await new Promise((resolve) => session.once('connect', resolve));
  await put(first.tlsCert, second.tlsKey);
  await expect.poll(() => said.at(-1)).toContain('cannot be used yet');
  expect(await shownBy(port)).toBe('first');
  await put(second.tlsCert, second.tlsKey);
  await expect.poll(() => shownBy(port)).toBe('second');
  expect(said.at(-1)).toContain('is in use');
  const answer = session.request({ ':path': '/' });
  const text = await new Promise((resolve) => answer.on('data', (data) => resolve(String(data))));
  expect(text).toBe('hello');
  session.destroy();
});

it.runIf(openssl)('a connection whose handshake does not come is cut with the others', async () => {
  const { tlsCert, tlsKey } = await makeCertificate(await folder());
  const server = secureServer(await readTls({ cert: tlsCert, key: tlsKey }), () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const silent = connectTcp(port, '127.0.0.1').on('error', () => {});
  const gone = new Promise((resolve) => silent.once('close', resolve));
  await new Promise((resolve) => silent.once('connect', resolve));
  // Accepted after it.
  await shownBy(port);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await gone;
});
