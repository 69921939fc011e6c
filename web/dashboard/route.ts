// Which page is shown, kept in the query of the address: `/` the wall, `/?stream=NAME&tab=push` a stream, `/?share=NAME` sharing a camera, `/?compare=A~B` two pictures side
// by side. Only the query is used, so
// that the page works under any path prefix.
import { computed, signal } from '@preact/signals';
import { isTab, type TabId } from './tabs.ts';

export interface Route {
  /** Stream page if set, else the wall. */
  readonly stream: string | null;
  readonly tab: TabId;
  /** Shares a camera or screen into this stream; empty = no name chosen yet, `null` = another page. */
  readonly share: string | null;
  /** Two pictures side by side; `readSides` reads it; `null` = another page. */
  readonly compare: string | null;
  /** Opens the player at this frame id. */
  readonly frame: number | null;
  /** Opens the player at this time: µs since the Unix epoch or RFC 3339. */
  readonly t: string | null;
  /** Arrangement of the panels; `readLayout` reads it. */
  readonly layout: string | null;
}

/** Reads a route from the query of an address. */
export function readRoute(search: string): Route {
  const query = new URLSearchParams(search);
  const tab = query.get('tab');
  const frame = Number(query.get('frame') ?? Number.NaN);
  return {
    stream: query.get('stream') || null,
    tab: isTab(tab) ? tab : 'watch',
    share: query.get('share'),
    compare: query.get('compare'),
    frame: Number.isSafeInteger(frame) && frame > 0 ? frame : null,
    t: query.get('t') || null,
    layout: query.get('layout') || null,
  };
}

/** The query of a route; empty for the wall. Always begins with `?`, because an empty `href` would keep the old query. */
export function writeRoute(route: Partial<Route>): string {
  const query = new URLSearchParams();
  if (route.stream) query.set('stream', route.stream);
  if (route.share !== undefined && route.share !== null) query.set('share', route.share);
  if (route.compare !== undefined && route.compare !== null) query.set('compare', route.compare);
  if (route.tab && route.tab !== 'watch') query.set('tab', route.tab);
  if (route.frame) query.set('frame', String(route.frame));
  if (route.t) query.set('t', route.t);
  if (route.layout) query.set('layout', route.layout);
  return `?${query}`;
}

const search = signal(globalThis.location?.search ?? '');

/** The present route. */
export const route = computed(() => readRoute(search.value));

/** The path of the page with the query of a route, for `href`. */
export function hrefOf(target: Partial<Route>): string {
  const query = writeRoute(target);
  return query === '?' ? location.pathname : query;
}

/** Goes to a route; `replace` leaves no entry in the history. */
export function go(target: Partial<Route>, options: { replace?: boolean } = {}): void {
  const query = writeRoute(target);
  const address = location.pathname + (query === '?' ? '' : query);
  if (options.replace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  search.value = location.search;
}

/** Follows the history buttons, and turns clicks on links to this page into changes of route. */
export function followLinks(): void {
  addEventListener('popstate', () => {
    search.value = location.search;
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[data-route]') : null;
    if (!link) return;
    event.preventDefault();
    if (link.href !== location.href) history.pushState(null, '', link.href);
    search.value = location.search;
    if (link.dataset.route === 'page') scrollTo(0, 0);
  });
}
