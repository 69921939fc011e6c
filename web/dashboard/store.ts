// What the page knows, as signals: the streams, the connection, the server. Media never passes through here.
import { batch, computed, type Signal, signal } from '@preact/signals';
import { SluiceClient, type SystemInfo } from '../../src/api/client.ts';
import type { StreamConfigInput, StreamInfo, StreamStats } from '../../src/api/schema.ts';
import { SluiceError, toSluiceError } from '../../src/core/errors.ts';
import { eventsOf, type Link, type StreamEvent } from '../../src/player/page-events.ts';
import { Thumbnails } from './thumbnail.ts';
import { STATE_WORDS } from './words.ts';

/** The page's own folder: every address is made relative to it, so that any path prefix works. */
export const base = new URL('.', document.baseURI);
export const client = new SluiceClient({ base });

/** Streams by name, each in its own signal, so that one card's news draws one card. */
const streams = signal<ReadonlyMap<string, Signal<StreamInfo>>>(new Map());
export const loaded = signal(false);
export const loadError = signal<SluiceError | null>(null);
export const link = signal<Link>({ state: 'connecting' });
export const system = signal<SystemInfo | null>(null);
/** Newest statistics of the stream page's stream. */
export const stats = signal<{ readonly stream: string; readonly stats: StreamStats } | null>(null);
/** Names whose removal is under way: hidden already, still there on the server. */
export const removing = signal<ReadonlySet<string>>(new Set());
/** Said by screen readers. */
export const announcement = signal('');

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The streams that are shown, sorted by name. */
export const visible = computed(() =>
  [...streams.value]
    .filter(([name, info]) => !removing.value.has(name) && info.peek().companionOf === undefined)
    .sort(([a], [b]) => byName.compare(a, b))
    .map(([, info]) => info),
);

/** The stream of this name, or undefined. */
export function streamOf(name: string): Signal<StreamInfo> | undefined {
  return removing.value.has(name) ? undefined : streams.value.get(name);
}

/** Bytes that all streams keep on disk. */
export const diskBytes = computed(
  () => system.value?.disk?.bytes ?? [...streams.value.values()].reduce((sum, info) => sum + info.value.dvr.bytes, 0),
);

/** Programs need a token to talk to this server. */
export const needsToken = computed(() => system.value?.auth?.needed ?? false);

/** False for those who may only watch: they are not offered what they would be refused. */
export const mayChange = computed(() => system.value?.auth?.rights !== 'view');

/** The page's connection, which the players on it share. */
export const events = eventsOf(base);

export const thumbnails = new Thumbnails((names, width, fps) => events.thumbnails(names, width, fps));

/** Starts loading and listening. */
export function start(): void {
  events.on('link', onLink);
  events.on('hello', ({ version }) => {
    system.value = { ...system.value, version };
  });
  events.on('binary', (bytes) => thumbnails.receive(bytes));
  follow(['state']);
  void load();
  setInterval(() => {
    if (document.visibilityState === 'visible' && link.value.state === 'open') void refresh();
  }, REFRESH_MS);
}

let unfollow: (() => void) | undefined;

/** What the page itself wants to hear of from now on; without `names`: of all streams. */
export function follow(types: ('state' | 'stats')[], names?: string[]): void {
  const before = unfollow;
  unfollow = events.subscribe({ types, ...(names && { streams: names }) }, onEvent);
  before?.();
}

function onLink(next: Link): void {
  const before = link.value.state;
  link.value = next;
  if (next.state === 'open') void load();
  // The socket does not say why it was refused; the REST interface does.
  else if (next.state === 'away' && next.attempt === 1 && !loaded.value) void load();
  if (next.state === 'away' && before === 'open') announce('The connection to the server is lost. Trying again.');
}

/** State changes come as events; rates and sizes, which drift all the time, are asked for this often. */
const REFRESH_MS = 3000;

let loading: Promise<void> | null = null;
/** Streams of which there was news while it loads: the answer may be older than that. */
const news = new Set<string>();

/** Asks for everything; one request at a time. */
export function load(): Promise<void> {
  loading ??= (async () => {
    news.clear();
    try {
      const [items, about] = await Promise.all([client.streams(), client.system().catch(() => system.value)]);
      batch(() => {
        replaceAll(items);
        system.value = about;
        loaded.value = true;
        loadError.value = null;
      });
    } catch (error) {
      loadError.value = toSluiceError(error, 'unavailable');
    } finally {
      loading = null;
    }
  })();
  return loading;
}

async function refresh(): Promise<void> {
  await load();
}

function replaceAll(answer: readonly StreamInfo[]): void {
  const old = streams.value;
  const newer = [...news].flatMap((name) => old.get(name)?.peek() ?? []);
  const items = [...answer.filter(({ name }) => !news.has(name)), ...newer];
  const same = items.length === old.size && items.every((item) => old.has(item.name));
  if (same) {
    for (const item of items) take(item);
    return;
  }
  const next = new Map<string, Signal<StreamInfo>>();
  for (const item of items) {
    const known = old.get(item.name);
    next.set(item.name, known ?? signal(item));
    if (known) take(item);
  }
  streams.value = next;
}

/** Takes news of one stream in. */
export function update(info: StreamInfo): void {
  news.add(info.name);
  take(info);
}

function take(info: StreamInfo): void {
  const known = streams.value.get(info.name);
  if (!known) {
    streams.value = new Map(streams.value).set(info.name, signal(info));
    return;
  }
  const before = known.peek();
  if (before.state !== info.state) announce(`${info.title || info.name}: ${STATE_WORDS[info.state].label}`);
  // Most refreshes bring nothing new.
  if (JSON.stringify(before) !== JSON.stringify(info)) known.value = info;
}

function onEvent(event: Extract<StreamEvent, { type: 'state' | 'stats' }>): void {
  if (event.type === 'stats') stats.value = { stream: event.stream, stats: event.stats };
  else if (event.info) update(event.info);
  else forget(event.stream);
}

function forget(name: string): void {
  news.add(name);
  if (!streams.value.has(name)) return;
  const next = new Map(streams.value);
  next.delete(name);
  batch(() => {
    streams.value = next;
    if (stats.value?.stream === name) stats.value = null;
  });
}

/** Makes a stream; rejects with the server's SluiceError. */
export async function addStream(name: string, config: StreamConfigInput): Promise<StreamInfo> {
  const info = await client.put(name, config);
  update(info);
  return info;
}

/** Starts or stops a stream by hand. */
export async function setRunning(name: string, run: boolean): Promise<void> {
  await (run ? client.start(name) : client.stop(name));
  update(await client.stream(name));
}

/** Has screen readers say a sentence. */
export function announce(sentence: string): void {
  announcement.value = sentence;
}

/** Removes a stream from the page and from the server. */
export async function removeNow(name: string, keepalive: boolean): Promise<void> {
  try {
    await client.remove(name, { keepalive });
  } catch (error) {
    // Somebody else was faster: what was wanted is so.
    if (!(error instanceof SluiceError && error.code === 'unknown-stream')) throw error;
  }
  forget(name);
}
