// Links to a moment.
import type { ShownFrame } from './transport.ts';

/** Copies the page's address with this frame in it; tells that it did, or the address where it may not copy. */
export async function copyFrameLink(frame: ShownFrame | null, tell: (text: string) => void): Promise<void> {
  if (!frame) {
    tell('There is no frame on the screen yet.');
    return;
  }
  const url = new URL(location.href);
  url.searchParams.set('frame', String(frame.id));
  // A link is passed on: it must not open the server to others, nor name a second moment.
  for (const name of ['t', 'token']) url.searchParams.delete(name);
  try {
    await navigator.clipboard.writeText(url.href);
    tell(`Link to frame ${frame.id} copied.`);
  } catch {
    // Not allowed, or plain http from another machine.
    tell(url.href);
  }
}
