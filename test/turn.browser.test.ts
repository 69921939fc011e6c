// TURN: the server tells its viewers which relay to use, and one that may use nothing but the relay sees the picture.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { hasTool } from './tools.ts';

const cam = { source: { type: 'pattern', width: 640, height: 360, fps: 25 } } as const;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** A TURN server on loopback with the user `anna`. */
async function turnServer(): Promise<AsyncDisposable & { readonly port: number; readonly log: () => string }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-turn-'));
  const flags = `--listening-ip=127.0.0.1 --relay-ip=127.0.0.1 --listening-port=${port} --lt-cred-mech --user=anna:s3cret --realm=lab.test`;
  const more = '--no-tls --no-dtls --no-cli --allow-loopback-peers --log-file=stdout --simple-log --verbose';
  const files = `--pidfile=${folder}/pid --userdb=${folder}/db`;
  const child = spawn('turnserver', ['-n', ...`${flags} ${more} ${files}`.split(' ')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text) => {
      log += text;
      if (/UDP listener opened/i.test(log)) resolve();
    });
    child.once('exit', () => reject(new Error(`turnserver ended: ${log.slice(-500)}`)));
  });
  await ready;
  return {
    port,
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Every connection of the page may use relays only. */
async function onlyRelays(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const Real = RTCPeerConnection;
    const made: RTCPeerConnection[] = [];
    Object.assign(globalThis, {
      made,
      RTCPeerConnection: class extends Real {
        constructor(config: RTCConfiguration = {}) {
          super({ ...config, iceTransportPolicy: 'relay' });
          made.push(this);
        }
      },
    });
  });
}

/** Kinds of the two ends of the pair in use. */
const pairOf = (page: Page) =>
  page.evaluate(async () => {
    const { made } = globalThis as unknown as { made: RTCPeerConnection[] };
    const all = new Map<string, Record<string, string>>();
    (await made.at(-1)!.getStats()).forEach((entry) => void all.set(entry.id, entry));
    const transport = [...all.values()].find(({ type }) => type === 'transport');
    const pair = all.get(transport?.selectedCandidatePairId ?? '');
    return pair ? [all.get(pair.localCandidateId!)?.candidateType, all.get(pair.remoteCandidateId!)?.candidateType] : null;
  });

describe.runIf(hasTool('turnserver', ['--version']))('coturn', () => {
  it('a viewer that may use nothing but the relay sees the right pictures', async () => {
    await using turn = await turnServer();
    await using server = await testServer({ streams: { cam }, webrtc: { iceServers: [`turn:anna:s3cret@127.0.0.1:${turn.port}`] } });
    await using chromium = await launchChromium();
    const page = await chromium.page();
    await onlyRelays(page);
    await page.goto(`${server.url}embed/cam?transport=webrtc`);
    await waitForPicture(page);
    expect(await pairOf(page)).toEqual(['relay', expect.stringMatching(/host|prflx/)]);
    // A picture may be shown a moment before its name has come.
    const shown = async () => (await readShown(page)).named?.id ?? 0;
    await expect.poll(shown, { timeout: 20_000 }).toBeGreaterThan(0);
    const first = await shown();
    await expect.poll(shown, { timeout: 20_000 }).toBeGreaterThan(first + 25);
    const distance = async () => {
      const { code, named } = await readShown(page);
      return code && named ? Math.abs(code.frame - named.id) : Number.NaN;
    };
    await expect.poll(distance, { timeout: 20_000 }).toBeLessThan(3);
    await page.close();
    expect(turn.log()).toMatch(/ALLOCATE processed, success/);
  });
});
