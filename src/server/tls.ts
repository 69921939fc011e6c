// TLS with a certificate of the user's own: files checked before the server starts, read again when they change (certificates are renewed
// every few weeks), HTTP/2 with HTTP/1.1 beside it on the same port.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createSecureContext } from 'node:tls';
import { openConnections } from '../core/connections.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Scope } from '../core/scope.ts';

/** Absolute paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are looked at, ms. */
const LOOK_MS = 10_000;
/** A certificate that ends so soon is worth a word, ms. */
const SOON_MS = 7 * 86_400_000;

const NAMES = { tlsCert: 'tlsCert', tlsKey: 'tlsKey' };

/**
 * Reads both files and sees that they are what they should be and belong together. Throws `bad-config` with the setting's name.
 *
 * @param names of the two settings, as the person gave them
 */
export async function readTls(files: TlsFiles, names: { readonly tlsCert: string; readonly tlsKey: string } = NAMES): Promise<TlsPair> {
  const bad = (key: keyof typeof NAMES, text: string, cause?: unknown) =>
    new SluiceError('bad-config', `${names[key]}: ${text}`, { field: key }, cause);
  const read = (key: keyof typeof NAMES, path: string) =>
    readFile(path).catch((error: unknown) => {
      throw bad(key, `the file ${path} cannot be read`, error);
    });
  const [cert, key] = await Promise.all([read('tlsCert', files.cert), read('tlsKey', files.key)]);
  const swapped = /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(cert.toString('latin1')) ? ' (it holds a private key: are both swapped?)' : '';
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(cert);
  } catch (error) {
    throw bad('tlsCert', `${files.cert} holds no certificate${swapped}; expected PEM: -----BEGIN CERTIFICATE-----`, error);
  }
  try {
    privateKey = createPrivateKey(key);
  } catch (error) {
    const locked = /ENCRYPTED/.test(key.toString('latin1'));
    const text = locked
      ? `${files.key} is locked with a passphrase; unlock it once: openssl pkey -in locked.pem -out key.pem`
      : `${files.key} holds no private key; expected PEM: -----BEGIN PRIVATE KEY-----`;
    throw bad('tlsKey', text, error);
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw bad('tlsKey', `${files.key} is not the key of the certificate ${files.cert} (${certificate.subject.replaceAll('\n', ', ')})`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw bad('tlsCert', `${files.cert} cannot be used: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  return { cert, key };
}

/** Says when a certificate has ended or ends soon: browsers then refuse the page, with a word about everything but that. */
export function noteEnd({ cert }: TlsPair, log: Logger, now = Date.now()): void {
  const { validTo } = new X509Certificate(cert);
  const end = Date.parse(validTo);
  if (end < now) log.warn({ validTo }, 'the TLS certificate has ended: browsers refuse it');
  else if (end < now + SOON_MS) log.warn({ validTo }, 'the TLS certificate ends within a week');
}

/** HTTP/2 lifts the browsers' limit of six connections per host; WebSockets and old clients go on with HTTP/1.1 on the same port. */
export function secureServer(pair: TlsPair, listener: RequestListener): Http2SecureServer & { closeAllConnections(): void } {
  const server = createSecureServer({ ...pair, allowHTTP1: true }, listener as never);
  const connections = openConnections(server);
  // A session that was reset by its client is no news; without a listener it would end the process.
  server.on('sessionError', () => {});
  return Object.assign(server, {
    // As servers of HTTP/1.1 have it: pictures without end would keep a session open for ever.
    closeAllConnections: () => {
      for (const connection of connections) connection.destroy();
    },
  });
}

/** Looks at the files now and then: new connections get the new certificate. One that cannot be used is told, and the old one stays. */
export function followTls(
  scope: Scope,
  server: Pick<Http2SecureServer, 'setSecureContext'>,
  files: TlsFiles,
  log: Logger,
  everyMs = LOOK_MS,
) {
  const look = async () => (await Promise.all([files.cert, files.key].map(async (path) => (await stat(path)).mtimeMs))).join();
  let seen: string | null = null;
  const check = async () => {
    const now = await look();
    if (now === seen) return;
    const pair = await readTls(files);
    if (seen !== null) {
      server.setSecureContext(pair);
      log.info({ cert: files.cert }, 'the TLS certificate has changed and is in use');
    }
    noteEnd(pair, log);
    seen = now;
  };
  let failed = '';
  const run = () =>
    check().then(
      () => {
        failed = '';
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        // The second file of a pair may still be on its way: said once, and tried again.
        if (reason !== failed) log.warn({ reason }, 'the TLS certificate has changed but cannot be used yet; the old one stays in use');
        failed = reason;
      },
    );
  void run();
  scope.interval(everyMs, () => void run());
}
