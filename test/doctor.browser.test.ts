// The connection doctor in real browsers: what it says where everything works, where UDP is blocked, and where there is no such stream.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { waitForPicture } from './barcode-probe.ts';
import { launchChromium } from './chromium.ts';
import { testServer } from './server.ts';

const cam = { source: { type: 'pattern', width: 320, height: 180, fps: 10 } } as const;
/** Newer Chromiums know the second name. */
const UDP_BLOCKED = ['--force-webrtc-ip-handling-policy', '--webrtc-ip-handling-policy'].map((flag) => `${flag}=disable_non_proxied_udp`);

/** Waits for the end of the checks; verdicts by check. */
async function verdicts(page: Page): Promise<Record<string, string>> {
  await expect.poll(() => page.locator('sluice-player .doctor-summary').textContent(), { timeout: 60_000 }).not.toMatch(/^$|^Checking/);
  const rows = await page
    .locator('sluice-player .doctor-rows li')
    .evaluateAll((items) => items.map((item) => [item.getAttribute('data-check')!, item.getAttribute('data-verdict')!]));
  return Object.fromEntries(rows) as Record<string, string>;
}

const row = (page: Page, id: string) => page.locator(`sluice-player [data-check="${id}"]`);

it('with UDP blocked it says so, with the line that mends it; everything else works', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium(UDP_BLOCKED);
  const page = await chromium.page({ permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(page);
  await page.locator('sluice-player').press('d');
  expect(await verdicts(page)).toMatchObject({
    http: 'ok',
    stream: 'ok',
    websocket: 'ok',
    bandwidth: 'ok',
    'webrtc-udp': 'failed',
    'webrtc-turn': 'skipped',
    mse: 'ok',
    secure: 'ok',
  });
  expect(await row(page, 'webrtc-udp').locator('pre').textContent()).toMatch(/^webrtc: \{ iceServers: \['turn:.+transport=tcp'\] \},$/);
  expect(await row(page, 'clock').textContent()).toMatch(/Round trip \d+\.\d ms/);
  expect(await row(page, 'bandwidth').textContent()).toMatch(/bit\/s \(\d/);
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await expect.poll(() => page.locator('sluice-player .doctor-summary').textContent()).toBe('The report is copied.');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain('[does not work] WebRTC over UDP:');
  expect(copied).toContain('JPEG over WebSocket: shown');
  // The picture goes on behind it; the keyboard leads out.
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByRole('dialog', { name: 'Connection doctor' }).count()).toBe(0);
});

it('where all is well it says that; the words over a missing picture lead to it', async () => {
  await using server = await testServer({ streams: { cam } });
  await using chromium = await launchChromium();
  const page = await chromium.page();
  await page.goto(`${server.url}embed/cam?transport=jpeg`);
  await waitForPicture(page);
  await page.locator('sluice-player').press('s');
  await page.getByRole('button', { name: 'Connection doctor (D)' }).click();
  expect(await verdicts(page)).toMatchObject({ stream: 'ok', 'webrtc-udp': 'ok', 'webrtc-codecs': 'ok' });
  expect(chromium.errors).toEqual([]);

  await page.goto(`${server.url}embed/nobody`);
  await page.getByRole('button', { name: 'Find out why' }).click();
  const found = await verdicts(page);
  expect(found).toMatchObject({ http: 'ok', stream: 'failed', websocket: 'ok' });
  expect(await row(page, 'stream').textContent()).toContain('nobody');
});
