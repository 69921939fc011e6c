// Certificates made on the spot, as the documentation says how to: with openssl.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasTool } from './tools.ts';

/** Whether certificates can be made here. */
export const openssl = hasTool('openssl', ['version']);

/** Makes a certificate for these names and addresses in a folder; the paths of its two files. */
export async function makeCertificate(folder: string, name = 'cert', alt = 'DNS:localhost,IP:127.0.0.1', days = 30) {
  const files = { tlsCert: join(folder, `${name}.pem`), tlsKey: join(folder, `${name}-key.pem`) };
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${alt}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.tlsKey];
  await promisify(execFile)('openssl', ['req', '-x509', ...key, '-out', files.tlsCert, '-days', String(days), ...subject]);
  return files;
}
