import { expect, it } from 'vitest';
import { StreamAddress } from '../address.ts';
import { type CheckedRow, reportText, summary } from './finding.ts';

const ok: CheckedRow = { id: 'http', label: 'HTTP', finding: { verdict: 'ok', text: 'It answers.' } };
const failed: CheckedRow = {
  id: 'webrtc-udp',
  label: 'WebRTC over UDP',
  finding: {
    verdict: 'failed',
    text: 'Nothing came.',
    fix: { text: 'Open the port:', settings: ['webrtc.port'], lines: ['webrtc: { port: 8000 },'] },
  },
};

it('the whole in one sentence', () => {
  expect(summary([ok, { ...failed, finding: null }])).toBe('Checking… 1 of 2 done');
  expect(summary([ok, ok])).toBe('Everything that was tried works.');
  expect(summary([ok, failed])).toBe('1 of 2 checks failed: WebRTC over UDP.');
  expect(summary([failed, { ...ok, finding: { verdict: 'limited', text: '' } }])).toBe(
    '1 of 2 checks failed: WebRTC over UDP. Limited: HTTP.',
  );
});

it('the report holds what was found and how to mend it, and no token', () => {
  const address = new StreamAddress('http://lab.test:8000/live/cam?token=secret-token', 'http://lab.test/');
  const text = reportText(
    address,
    [ok, failed],
    [
      {
        transport: 'webrtc',
        label: 'WebRTC',
        state: 'failed',
        reason: 'no UDP packets get through',
        startedAt: 0,
        at: 0,
        firstPictureMs: null,
      },
    ],
    { page: 'http://lab.test:8000/embed/cam', browser: 'Test', now: new Date(0) },
  );
  expect(text).toBe(`Sluice connection doctor, 1970-01-01T00:00:00.000Z
Stream: cam on lab.test:8000
Page: http://lab.test:8000/embed/cam
Browser: Test

1 of 2 checks failed: WebRTC over UDP.
[works] HTTP: It answers.
[does not work] WebRTC over UDP: Nothing came.
    Open the port:
    > webrtc: { port: 8000 },

Tried by the player:
- WebRTC: failed, no UDP packets get through
`);
});
