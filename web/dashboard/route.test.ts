import { expect, test } from 'vitest';
import { readRoute, writeRoute } from './route.ts';

test('reads what it writes', () => {
  const route = {
    stream: 'my cam',
    tab: 'push',
    share: null,
    compare: null,
    frame: 1234,
    t: '2026-11-20T12:38:01.25Z',
    layout: '24-34.rmarkers',
  } as const;
  expect(readRoute(writeRoute(route))).toEqual(route);
  expect(writeRoute({})).toBe('?');
  expect(writeRoute({ stream: 'cam', tab: 'watch' })).toBe('?stream=cam');
});

test('anything else in the address is the wall, the first tab, the live edge', () => {
  const wall = { stream: null, tab: 'watch', share: null, compare: null, frame: null, t: null, layout: null };
  expect(readRoute('')).toEqual(wall);
  expect(readRoute('?stream=&tab=x&frame=-1&t=')).toEqual(wall);
  for (const frame of ['0', '1.5', '1e99', 'NaN', 'x']) expect(readRoute(`?frame=${frame}`).frame).toBeNull();
});

test('sharing has a page of its own, with a name or without', () => {
  expect(readRoute(writeRoute({ share: 'door' })).share).toBe('door');
  expect(readRoute(writeRoute({ share: '' })).share).toBe('');
  expect(readRoute(writeRoute({ share: null })).share).toBeNull();
});

test('two pictures side by side have a page of their own', () => {
  expect(readRoute(writeRoute({ compare: 'a.lossless~b.auto' })).compare).toBe('a.lossless~b.auto');
  expect(readRoute(writeRoute({ compare: '' })).compare).toBe('');
});
