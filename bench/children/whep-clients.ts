// WebRTC viewers in a process of their own: WHEP, or the streaming plugin of Janus. A viewer whose pictures stop connects again if told to.
import { childArgument, serveParent } from '../child.ts';
import { JanusSession } from '../janus-session.ts';
import { noCounts, type RtcCounts, RtcReceiver, startReceivers, stopReceivers } from '../rtc-receiver.ts';

export interface ClientSettings {
  /** Address of the WHEP endpoint, or of Janus's HTTP interface. */
  readonly url: string;
  readonly server: 'whep' | 'janus';
  /** With the player's data channel and heartbeat. */
  readonly channel: boolean;
  /** Connects again after so long without a packet, ms; 0 = never. */
  readonly reconnectAfter: number;
}

const settings = childArgument<ClientSettings>();
const WATCH_MS = 100;
/** Connections that are made at a time. */
const AT_ONCE = 5;

let janus: Promise<JanusSession> | null = null;

/** What ends a viewer at the server. */
type Leave = () => Promise<void>;

async function connect(receiver: RtcReceiver): Promise<Leave> {
  if (settings.server === 'janus') {
    janus ??= JanusSession.open(settings.url);
    return await (await janus).watch((offer) => receiver.answer(offer));
  }
  const offer = await receiver.offer(settings.channel);
  const response = await fetch(settings.url, { method: 'POST', body: offer, headers: { 'content-type': 'application/sdp' } });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`WHEP: ${response.status} ${text}`);
  const session = new URL(response.headers.get('location')!, settings.url);
  receiver.accept(text);
  return async () => {
    await fetch(session, { method: 'DELETE' });
  };
}

class Client {
  readonly counts: RtcCounts = noCounts();
  #receiver: RtcReceiver | null = null;
  #leave: Leave | null = null;
  #connecting = false;
  #closed = false;
  failure: string | null = null;

  async open(): Promise<void> {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    // The server need not find out by itself that the one before is over.
    void this.#leave?.().catch(() => {});
    this.#leave = null;
    this.#receiver?.[Symbol.dispose]();
    const receiver = new RtcReceiver(this.counts);
    this.#receiver = receiver;
    try {
      this.#leave = await connect(receiver);
      this.failure = null;
      receiver.heardAt = performance.now();
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      receiver.lost = true;
    }
    this.#connecting = false;
    if (this.#closed) await this.close();
  }

  check(now: number): void {
    const receiver = this.#receiver;
    if (!receiver || this.#connecting || this.#closed) return;
    if (!settings.reconnectAfter) {
      if (receiver.lost) this.failure ??= 'the connection was lost';
    } else if (receiver.lost || now - receiver.heardAt > settings.reconnectAfter) void this.open();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#connecting) return;
    await this.#leave?.().catch(() => {});
    this.#leave = null;
    this.#receiver?.[Symbol.dispose]();
    this.#receiver = null;
  }
}

startReceivers();
const clients: Client[] = [];
const watch = setInterval(() => {
  const now = performance.now();
  for (const client of clients) client.check(now);
}, WATCH_MS);

const methods = {
  /** Makes it so many viewers. Resolves when all are answered; throws the first reason otherwise. */
  set: async (count: number): Promise<void> => {
    const fresh = Array.from({ length: Math.max(0, count - clients.length) }, () => new Client());
    const gone = clients.splice(count);
    clients.push(...fresh);
    await Promise.all(gone.map((client) => client.close()));
    for (let i = 0; i < fresh.length; i += AT_ONCE) await Promise.all(fresh.slice(i, i + AT_ONCE).map((client) => client.open()));
    const failed = fresh.find(({ failure }) => failure !== null);
    if (failed && !settings.reconnectAfter) throw new Error(failed.failure!);
  },
  /** One row for each viewer. */
  counts: (): { counts: RtcCounts[]; failures: string[] } => ({
    counts: clients.map(({ counts }) => counts),
    failures: clients.flatMap(({ failure }) => (failure === null ? [] : [failure])),
  }),
};

export type ClientMethods = typeof methods;

serveParent(methods, async () => {
  clearInterval(watch);
  await Promise.all(clients.map((client) => client.close()));
  await (await janus)?.close();
  stopReceivers();
});
