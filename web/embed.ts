// One player and nothing else: /embed/{stream}?transport=&decoder=&quality=&controls=0&hud=1&report=off&record-clicks=1&token=&frame=&t=
import type { SluicePlayer } from '../src/player/element.ts';
import '../src/player/element.ts';
import { parseTimestamp } from '../src/core/time.ts';

const query = new URLSearchParams(location.search);
// The last part of the path, whatever prefix a proxy puts in front.
const stream = location.pathname.split('/').filter(Boolean).at(-1) ?? '';
const player = document.createElement('sluice-player');

document.title = `${decodeURIComponent(stream)} · Sluice`;
for (const name of ['transport', 'decoder', 'quality', 'token', 'fit', 'report']) {
  const value = query.get(name);
  if (value) player.setAttribute(name, value);
}
player.src = new URL(`../live/${stream}`, location.href).href.split('?')[0]!;
player.controls = query.get('controls') !== '0';
player.hud = query.get('hud') === '1';
player.toggleAttribute('record-clicks', query.get('record-clicks') === '1');
player.autoplay = query.get('autoplay') !== '0';
document.body.append(player);
openAtMoment(player);

// Keys work wherever the focus is: there is nothing else on the page.
document.addEventListener('keydown', (event) => {
  if (event.target === document.body && !player.dispatchEvent(new KeyboardEvent('keydown', event))) event.preventDefault();
});

/** `?frame=` (an id) or `?t=` (µs or RFC 3339): the page opens at that picture, paused. */
function openAtMoment(target: SluicePlayer): void {
  const frame = query.get('frame');
  const time = query.get('t');
  if (frame === null && time === null) return;
  const seek = async () => {
    if (frame !== null) await target.seekFrame(Number(frame));
    else await target.seekTime(parseTimestamp(time, 't'));
  };
  seek().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return;
    // The moment is not kept, or the address is wrong: say so, and show what there is now.
    target.tell(error instanceof Error ? error.message : 'That moment cannot be shown.');
    target.liveEdge();
  });
}
