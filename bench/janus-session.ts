// A session with Janus over its HTTP interface: as many viewers of a mountpoint as wanted, with one long poll for the events of all.
// https://janus.conf.meetecho.com/docs/rest.html, https://janus.conf.meetecho.com/docs/streaming.html
import { randomBytes } from 'node:crypto';
import { MOUNTPOINT } from './janus.ts';

interface JanusMessage {
  readonly janus: string;
  readonly sender?: number;
  readonly data?: { readonly id: number };
  readonly error?: { readonly reason: string };
  readonly plugindata?: { readonly data: { readonly error?: string } };
  readonly jsep?: { readonly type: string; readonly sdp: string };
}

const OFFER_MS = 10_000;

export class JanusSession {
  readonly #url: string;
  readonly #offers = new Map<number, PromiseWithResolvers<string>>();
  readonly #abort = new AbortController();
  readonly #polling: Promise<void>;

  private constructor(url: string) {
    this.#url = url;
    this.#polling = this.#poll().catch(() => {});
  }

  static async open(url: string): Promise<JanusSession> {
    const { data } = await ask(url, { janus: 'create' });
    return new JanusSession(`${url}/${data!.id}`);
  }

  /** Watches the mountpoint: Janus offers, the viewer answers. Gives what ends it. */
  async watch(answer: (offer: string) => Promise<string>): Promise<() => Promise<void>> {
    const { data } = await ask(this.#url, { janus: 'attach', plugin: 'janus.plugin.streaming' });
    const handle = data!.id;
    const url = `${this.#url}/${handle}`;
    const offer = Promise.withResolvers<string>();
    this.#offers.set(handle, offer);
    const timer = setTimeout(() => offer.reject(new Error('Janus sent no offer')), OFFER_MS);
    try {
      await ask(url, { janus: 'message', body: { request: 'watch', id: MOUNTPOINT } });
      const sdp = await answer(await offer.promise);
      await ask(url, { janus: 'message', body: { request: 'start' }, jsep: { type: 'answer', sdp } });
    } finally {
      clearTimeout(timer);
      this.#offers.delete(handle);
    }
    return async () => {
      await ask(url, { janus: 'detach' });
    };
  }

  async #poll(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const response = await fetch(`${this.#url}?maxev=10`, { signal: this.#abort.signal });
      const messages = [(await response.json()) as JanusMessage | JanusMessage[]].flat();
      for (const { sender, jsep, plugindata } of messages) {
        const offer = this.#offers.get(sender ?? 0);
        if (jsep) offer?.resolve(jsep.sdp);
        else if (plugindata?.data.error) offer?.reject(new Error(`Janus: ${plugindata.data.error}`));
      }
    }
  }

  async close(): Promise<void> {
    await ask(this.#url, { janus: 'destroy' }).catch(() => {});
    this.#abort.abort();
    await this.#polling;
  }
}

async function ask(url: string, message: Record<string, unknown>): Promise<JanusMessage> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ transaction: randomBytes(6).toString('hex'), ...message }) });
  const answer = (await response.json()) as JanusMessage;
  if (answer.janus === 'error') throw new Error(`Janus: ${answer.error?.reason}`);
  return answer;
}
