// The page below a path prefix, behind a real reverse proxy that knows nothing of Sluice but its port.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readShown, waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';
import { hasTool } from './tools.ts';

const nginx = hasTool('nginx', ['-v']);
const PREFIX = '/user/x/proxy/8000/';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** nginx in the foreground, with everything it writes in a folder of its own. */
async function startProxy(target: number, headers: string): Promise<AsyncDisposable & { url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-nginx-'));
  const port = await freePort();
  const config = `
daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location ${PREFIX} {
      proxy_pass http://127.0.0.1:${target}/;
      proxy_http_version 1.1; proxy_buffering off; proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
      ${headers}
    }
  }
}`;
  await writeFile(join(folder, 'nginx.conf'), config);
  const child: ChildProcess = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  for (let i = 0; i < 100; i++) {
    if (
      await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: `http://127.0.0.1:${port}${PREFIX}`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const cam = { source: { type: 'pattern' as const, width: 640, height: 360 } };

test.skipIf(!nginx)('wall, stream page, player and push work below a prefix', async () => {
  await using server = await testServer({ streams: { cam } });
  await using proxy = await startProxy(server.port, '');
  await using chromium = await launchChromium();
  const page = await chromium.page();
  const failed: string[] = [];
  page.on('response', (response) => {
    if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(proxy.url);
  await page.getByText('cam').first().waitFor();
  await page.goto(`${proxy.url}?stream=cam`);
  await waitForPicture(page);
  for (const transport of ['hls', 'jpeg', 'mjpeg']) {
    await page.goto(`${proxy.url}embed/cam?transport=${transport}`);
    await waitForPicture(page);
    expect((await readShown(page)).code).not.toBeNull();
  }
  const pushed = await fetch(`${proxy.url}api/streams/pushed/frames?width=2&height=2&format=gray`, {
    method: 'POST',
    body: new Uint8Array(4),
  });
  expect(pushed.status).toBe(202);
  const docs = await page.goto(`${proxy.url}docs`);
  expect(docs?.status()).toBe(200);
  await page.locator('.swagger-ui .info').waitFor();
  expect(failed).toEqual([]);
});

test.skipIf(!nginx)('a proxy that says who comes needs trust or a token', async () => {
  const forwarded = 'proxy_set_header X-Forwarded-For $remote_addr;';
  await using server = await testServer({ streams: { cam }, token: 'all-of-it-1234567890', viewToken: 'only-looking-123456' });
  await using proxy = await startProxy(server.port, forwarded);
  expect((await fetch(`${proxy.url}api/streams`)).status).toBe(401);
  expect((await fetch(`${proxy.url}api/streams`, { headers: { authorization: 'Bearer only-looking-123456' } })).status).toBe(200);
  const put = (token: string) =>
    fetch(`${proxy.url}api/streams/new`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"source":{"type":"push"}}',
    });
  expect((await put('only-looking-123456')).status).toBe(403);
  expect((await put('all-of-it-1234567890')).status).toBe(201);
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${proxy.url}?token=only-looking-123456`);
  expect(page.url()).not.toContain('token');
  await page.goto(`${proxy.url}embed/cam?transport=hls`);
  await waitForPicture(page);
});
