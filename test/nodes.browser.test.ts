// One run of a node for all pages of a real browser: reloads, several tabs, and one that hangs.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createServer, defineSource, type LibraryServer, type NodeRunner, runNodes } from '../src/index.ts';
import { launchChromium, type TestChromium } from './chromium.ts';

let dataDir: string;
let server: LibraryServer;
let nodes: NodeRunner;
let chromium: TestChromium;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-nodes-'));
  server = await createServer({ port: 0, dataDir });
  const pixels = new Uint8Array(320 * 240);
  const source = defineSource({
    fps: 20,
    width: 320,
    height: 240,
    run: async function* () {
      for (let n = 0; ; n++) yield [pixels.fill(n % 256), { metrics: { n } }];
    },
  });
  nodes = await runNodes(server, { nodes: [{ stream: 'cells', source }] });
  chromium = await launchChromium();
});
afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  await server?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Id of the frame on the screen, once it is beyond another one. */
const shown = (page: Page, beyond = 0) =>
  page
    .waitForFunction((id) => {
      const player = document.querySelector('sluice-player') as (HTMLElement & { shownFrame: { id: number } | null }) | null;
      return (player?.shownFrame?.id ?? 0) > id && player!.shownFrame!.id;
    }, beyond)
    .then(async (handle) => Number(await handle.jsonValue()));

it('goes on whatever pages do', async () => {
  const page = await chromium.page();
  await page.goto(`${server.url}?stream=cells`);
  let last = await shown(page);
  for (let reload = 0; reload < 5; reload++) {
    await page.reload();
    last = await shown(page, last);
  }
  const tabs = await Promise.all(
    [1, 2].map(async () => {
      const tab = await chromium.page();
      await tab.goto(`${server.url}embed/cells?transport=jpeg`);
      await shown(tab);
      return tab;
    }),
  );
  // The thread of this page hangs, its sockets stay open.
  const hung = tabs[0]!
    .evaluate(() => {
      const end = performance.now() + 4000;
      while (performance.now() < end);
    })
    .catch(() => {});
  const before = nodes.nodes[0]!;
  await shown(page, (await shown(page)) + 20);
  await shown(tabs[1]!, (await shown(tabs[1]!)) + 20);
  await hung;
  expect(nodes.nodes[0]).toMatchObject({ state: 'running', starts: 1, dropped: 0 });
  expect(nodes.nodes[0]!.values - before.values).toBeGreaterThanOrEqual(20);
  expect(nodes.nodes[0]!.frames).toBe(nodes.nodes[0]!.values);
});
