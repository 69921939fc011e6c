// Following a pointer from its press to its release.

/** Movement below this is a click, CSS pixels. */
const LEAST_PX = 4;

/**
 * Tells `move` how far (CSS pixels) the pointer has gone since `press`, until it is released. `least`: shorter ways do not count. A click at
 * the end of a drag is none. `end` is told whether it was a drag.
 */
export function follow(
  element: Element,
  press: PointerEvent,
  move: (dx: number, dy: number, event: PointerEvent) => void,
  { least = LEAST_PX, end = () => {} }: { least?: number; end?: (dragged: boolean) => void } = {},
): void {
  const abort = new AbortController();
  const { signal } = abort;
  let dragged = false;
  element.setPointerCapture(press.pointerId);
  const onMove = (event: PointerEvent) => {
    if (event.pointerId !== press.pointerId) return;
    const [dx, dy] = [event.clientX - press.clientX, event.clientY - press.clientY];
    if (!dragged && Math.hypot(dx, dy) < least) return;
    dragged = true;
    move(dx, dy, event);
  };
  const onEnd = (event: PointerEvent) => {
    if (event.pointerId !== press.pointerId) return;
    abort.abort();
    if (dragged) {
      const stop = (click: Event) => click.stopImmediatePropagation();
      element.addEventListener('click', stop, { capture: true, once: true });
      // Where the browser makes no click of it, the next one is meant.
      setTimeout(() => element.removeEventListener('click', stop, { capture: true }), 0);
    }
    end(dragged);
  };
  element.addEventListener('pointermove', onMove as EventListener, { signal });
  for (const name of ['pointerup', 'pointercancel']) element.addEventListener(name, onEnd as EventListener, { signal });
}
