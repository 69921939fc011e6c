import { expect, test } from 'vitest';
import { FpsMeter } from './fps-meter.ts';
import { FrameSkipper, RateLimit } from './frame-skipper.ts';
import { OverlayControl } from './overlay-control.ts';
import { OverlaySettings } from './settings.ts';

test('frames per second are those of the last ten seconds', () => {
  let now = 1000;
  const meter = new FpsMeter(() => now);
  expect(meter.fps).toBe(0);
  meter.add();
  expect(meter.fps).toBe(0);
  for (let i = 0; i < 30; i++) {
    now += 100;
    meter.add();
  }
  expect(meter.fps).toBeCloseTo(10);
  // 600 frames at 120 a second: the window is full before ten seconds have passed.
  for (let i = 0; i < 2400; i++) {
    now += 1000 / 120;
    meter.add();
  }
  expect(meter.fps).toBeCloseTo(120);
  now += 9_000;
  expect(meter.fps).toBeCloseTo(120);
  now += 10_000;
  expect(meter.fps).toBe(0);
});

test('a source at its limit loses nothing, a faster one is thinned to the limit', () => {
  const taken = (fps: number, max: number | null, jitter = 0) => {
    const limit = new RateLimit(max);
    let count = 0;
    for (let i = 0; i < fps * 60; i++) if (limit.takes(5000 + i / fps + (i % 3) * jitter)) count++;
    return count / 60;
  };
  expect(taken(30, 30)).toBe(30);
  // 30 fps whose times run 0.1 % fast, with jitter of 10 ms.
  const fast = new RateLimit(30);
  let lost = 0;
  for (let i = 0; i < 18_000; i++) if (!fast.takes(i / 30.03 + (i % 2) * 0.01)) lost++;
  expect(lost).toBe(0);
  expect(taken(60, 30)).toBeCloseTo(30.15, 0);
  expect(taken(60, 24)).toBeCloseTo(24.1, 0);
  expect(taken(60, null)).toBe(60);
  expect(taken(10, 60)).toBe(10);
});

test('a rate limit takes frames on when the clock of the medium was set back', () => {
  const limit = new RateLimit(10);
  expect([limit.takes(100), limit.takes(100.1), limit.takes(3), limit.takes(3.1)]).toEqual([true, true, true, true]);
});

test('the skipper takes one in N, thought over every half second', () => {
  let now = 0;
  let ingress = 30;
  const skipper = new FrameSkipper(
    null,
    () => ingress,
    () => now,
  );
  const second = () => {
    let taken = 0;
    for (let i = 0; i < 30; i++) {
      now += 1000 / 30;
      if (skipper.takes()) taken++;
    }
    return taken;
  };
  expect(second()).toBe(30);
  skipper.target = 10;
  expect(second()).toBe(10);
  // Nothing is known of a source that has just begun.
  ingress = 0;
  skipper.target = 15;
  expect(second()).toBe(10);
  ingress = 30;
  second();
  expect(second()).toBe(15);
  skipper.target = 60;
  expect(second()).toBe(30);
});

test('the overlay comes when nothing was made for its time, and goes when enough was', () => {
  let now = 0;
  const overlay = new OverlayControl(OverlaySettings.parse({ frameCountToDisable: 2 }), () => now);
  expect(overlay.shown(true)).toBe('answer');
  now = 1499;
  expect(overlay.shown(false)).toBe('original');
  now = 1500;
  expect(overlay.shown(false)).toBe('loading');
  expect([overlay.shown(true), overlay.shown(false), overlay.shown(true), overlay.shown(true)]).toEqual([
    'loading',
    'loading',
    'loading',
    'answer',
  ]);
});

test('by hand it holds the processor; in passthrough it never comes', () => {
  let now = 0;
  const overlay = new OverlayControl(OverlaySettings.parse({}), () => now);
  overlay.manual = true;
  expect([overlay.holds, overlay.shown(false), overlay.shown(true)]).toEqual([true, 'loading', 'loading']);
  overlay.manual = false;
  expect([overlay.holds, overlay.shown(true)]).toEqual([false, 'answer']);

  for (const settings of [{ mode: 'passthrough' }, { enabled: false }] as const) {
    const off = new OverlayControl(OverlaySettings.parse(settings), () => now);
    off.manual = true;
    now += 10_000;
    expect([off.holds, off.shown(true), off.shown(false)]).toEqual([false, 'answer', 'nothing']);
  }
});
