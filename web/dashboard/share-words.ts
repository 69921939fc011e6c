// What can go wrong between a camera and the server, in plain words with the remedy. Pure.
import type { SentStatus } from '../../src/player/whip.ts';
import type { Snippet } from './snippets.ts';

export type ShareKind = 'camera' | 'screen';

/** Why the browser gave no pictures. */
export function captureFailure(error: unknown, kind: ShareKind): string {
  const name = error instanceof Error ? error.name : '';
  const thing = kind === 'camera' ? 'camera' : 'screen';
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return kind === 'camera'
        ? 'The camera was refused. Allow it for this page (the sign beside the address), then try again. If the browser did not ask, the system’s own settings may forbid the camera to this browser.'
        : 'No screen was chosen. Press the button again and choose a screen or window.';
    case 'NotFoundError':
    case 'DevicesNotFoundError':
      return `This device has no ${thing} that the browser could use. Connect one, then try again.`;
    case 'NotReadableError':
    case 'TrackStartError':
      return `The ${thing} does not start. Probably another program is using it: close that one, then try again.`;
    case 'OverconstrainedError':
      return 'This camera cannot give such a picture. Choose another size or rate.';
    case 'SecurityError':
      return 'This page is shown inside another page, which does not let it use the camera. Open it in a tab of its own.';
    case 'AbortError':
      return `The ${thing} stopped before the first picture. Try again.`;
    default:
      return `The browser gives no picture of the ${thing}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Why a stream was not taken, in other words than the server's where those are for programs. */
export function refusal(code: string, detail: string): string {
  switch (code) {
    case 'unauthorized':
      return 'The server asks for a token. Open this page once with ?token=… at the end of its address; whoever started the server saw the token printed there.';
    case 'forbidden':
      return 'Your token is for watching only. Sharing needs the token for everything; whoever started the server saw it printed there.';
    case 'conflict':
      return `${detail} Choose another name.`;
    default:
      return detail;
  }
}

/** Why the pictures are smaller or fewer than asked for; `null` = they are not. */
export function limitText(limit: SentStatus['limit']): string | null {
  if (limit === 'bandwidth') return 'The network carries less than asked for, so fewer or coarser pictures are sent.';
  if (limit === 'cpu') return 'This device cannot encode so many pictures; choose a smaller size or a lower rate.';
  return null;
}

/** What the server needs so that browsers of other computers give it their cameras. `host` as it stands in the address. */
export function tlsSnippets(host: string): Snippet[] {
  const bare = host.replace(/^\[|\]$/g, '');
  const alt = /^[\d.]+$|:/.test(bare) ? `IP:${bare}` : `DNS:${bare}`;
  return [
    {
      id: 'tls-certificate',
      title: '1. Make a certificate, once',
      note: 'On the computer of the server, in the folder of its configuration file.',
      language: 'shell',
      text: [
        'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \\',
        `  -keyout key.pem -out cert.pem -subj /CN=sluice -addext "subjectAltName=${alt}"`,
      ].join('\n'),
    },
    {
      id: 'tls-config',
      title: '2. Add to sluice.config.ts, and start the server again',
      note: 'Or on the command line: --tls-cert cert.pem --tls-key key.pem',
      language: 'typescript',
      text: "tlsCert: 'cert.pem', tlsKey: 'key.pem',",
    },
  ];
}

/** Sizes that are offered: pixels of the longer and the shorter side. */
export const SIZES = [
  { id: '640x360', width: 640, height: 360 },
  { id: '1280x720', width: 1280, height: 720 },
  { id: '1920x1080', width: 1920, height: 1080 },
] as const;

export const RATES = [5, 10, 15, 30, 60] as const;

/** bit/s at which a picture of this size looks good: 0.1 bit for each pixel, at least half a megabit, at most 12. */
export function bitrateFor(width: number, height: number, fps: number): number {
  return Math.round(Math.min(12_000_000, Math.max(500_000, width * height * fps * 0.1)));
}
