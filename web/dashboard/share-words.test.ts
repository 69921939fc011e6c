import { expect, it } from 'vitest';
import { bitrateFor, captureFailure, limitText, refusal, tlsSnippets } from './share-words.ts';

it('each failure of a camera has its remedy', () => {
  const words = (name: string, kind: 'camera' | 'screen' = 'camera') => captureFailure(new DOMException('technical', name), kind);
  expect(words('NotAllowedError')).toContain('Allow it for this page');
  expect(words('NotAllowedError', 'screen')).toContain('choose a screen');
  expect(words('NotFoundError')).toContain('has no camera');
  expect(words('NotReadableError')).toContain('another program');
  expect(words('OverconstrainedError')).toContain('another size');
  expect(words('SecurityError')).toContain('tab of its own');
  expect(words('OddError')).toContain('technical');
});

it('refusals of the server say what helps', () => {
  expect(refusal('forbidden', 'x')).toContain('watching only');
  expect(refusal('unauthorized', 'x')).toContain('?token=');
  expect(refusal('not-acceptable', 'no codec in common')).toBe('no codec in common');
  expect(limitText('none')).toBeNull();
  expect(limitText('cpu')).toContain('smaller size');
});

it('the certificate is for what stands in the address bar', () => {
  const text = (host: string) => tlsSnippets(host)[0]!.text;
  expect(text('192.168.1.20')).toContain('subjectAltName=IP:192.168.1.20"');
  expect(text('[fd00::5]')).toContain('subjectAltName=IP:fd00::5"');
  expect(text('lab.test')).toContain('subjectAltName=DNS:lab.test"');
  expect(tlsSnippets('lab.test')[1]!.text).toBe("tlsCert: 'cert.pem', tlsKey: 'key.pem',");
});

it('bit rates stay within reason', () => {
  expect(bitrateFor(1280, 720, 30)).toBe(2_764_800);
  expect(bitrateFor(640, 360, 5)).toBe(500_000);
  expect(bitrateFor(3840, 2160, 60)).toBe(12_000_000);
});
