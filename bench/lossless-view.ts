// What lossless pictures cost in the page: time of its main thread and of the decoder for each picture that is shown, by renderer.
//
//     npx node bench/lossless-view.ts [--side 1024,2048] [--renderer canvas,webgl] [--compression zstd,lz4] [--seconds 8] [--fps 15]
//
// Needs Chromium and a built page (`npx vite build`). Thread time as the browser counts it, so that other work on the machine hardly
// shows. Without graphics hardware WebGL is computed by the processor (SwiftShader), mostly in another process: its whole time counts too.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launchChromium } from '../test/chromium.ts';
import { testServer } from '../test/server.ts';

const { values } = parseArgs({
  options: {
    side: { type: 'string', default: '1024,2048' },
    renderer: { type: 'string', default: 'canvas,webgl' },
    compression: { type: 'string', default: 'zstd,lz4' },
    seconds: { type: 'string', default: '8' },
    fps: { type: 'string', default: '15' },
  },
});

interface Player {
  readonly stats: {
    readonly decoder: string;
    readonly shown: number;
    readonly fps: number;
    readonly latency: { p50: number; p95: number } | null;
  };
}

console.log(
  'side  compression  renderer  shown/s  main thread  all of Chromium  latency p50/p95  decoder and drawing as the page times them',
);
for (const side of values.side.split(',').map(Number)) {
  await using server = await testServer({
    streams: { cam: { source: { type: 'pattern', kind: 'microscope', width: side, height: side, fps: Number(values.fps) } } },
  });
  for (const compression of values.compression.split(',')) {
    for (const renderer of values.renderer.split(',')) {
      await using chromium = await launchChromium();
      const page = await chromium.page();
      await page.goto(`${server.url}embed/cam?transport=lossless&decoder=${renderer}&quality=${compression}&controls=0&report=off`);
      const read = () =>
        page.locator('sluice-player').evaluate((element) => {
          const { stats } = element as unknown as Player;
          return stats && { decoder: stats.decoder, shown: stats.shown, latency: stats.latency };
        });
      const cdp = await page.context().newCDPSession(page);
      await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
      const metric = async (name: string) =>
        (await cdp.send('Performance.getMetrics')).metrics.find((each) => each.name === name)?.value ?? Number.NaN;
      const browser = await chromium.browser.newBrowserCDPSession();
      const cpu = async () => {
        const { processInfo } = (await browser.send('SystemInfo.getProcessInfo')) as { processInfo: { cpuTime: number }[] };
        return processInfo.reduce((sum, each) => sum + each.cpuTime, 0);
      };
      while (((await read())?.shown ?? 0) < 10) await delay(100);
      const before = [await metric('TaskDuration'), await cpu(), (await read())!.shown, performance.now()] as const;
      await delay(Number(values.seconds) * 1000);
      const after = [await metric('TaskDuration'), await cpu(), (await read())!.shown, performance.now()] as const;
      const frames = after[2] - before[2];
      const { decoder, latency } = (await read())!;
      const each = (i: 0 | 1) => `${(((after[i] - before[i]) * 1000) / frames).toFixed(1)} ms`;
      const fps = (frames / ((after[3] - before[3]) / 1000)).toFixed(1);
      const late = latency ? `${latency.p50.toFixed(0)}/${latency.p95.toFixed(0)} ms` : '-';
      console.log([side, compression, renderer, fps, each(0), each(1), late, decoder].join('  '));
    }
  }
}
