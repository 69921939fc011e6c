import { expect, test } from 'vitest';
import { badgeText } from './badge.ts';

test('lossless pictures tell their bits, lossy ones of deep streams a warning, ordinary video nothing', () => {
  const size = { width: 4, height: 4 };
  expect(badgeText('uint16', { format: 'gray16le', significantBits: 12, ...size })).toBe('Lossless, 12 bit');
  expect(badgeText('uint16', { format: 'rgb48le', significantBits: 0, ...size })).toBe('Lossless, 16 bit');
  expect(badgeText('float32', { format: 'grayf32le', ...size })).toBe('Lossless, 32 bit float');
  expect(badgeText('uint8', { format: 'rgb24', ...size })).toBe('Lossless, 8 bit');
  expect(badgeText('uint16', null)).toBe('Lossy, not for measurement');
  expect(badgeText('float32', null)).toBe('Lossy, not for measurement');
  expect(badgeText('uint8', null)).toBe('');
  expect(badgeText(null, null)).toBe('');
});
