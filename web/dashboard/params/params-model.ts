// What the panel "Params" knows of a stream's params: the server's values, what is being edited, what is wrong, what others have changed.
import { batch, computed, signal } from '@preact/signals';
import type { ParamSetInfo, ParamsChanged } from '../../../src/api/params.ts';
import type { ServerEvent } from '../../../src/api/schema.ts';
import { toSluiceError } from '../../../src/core/errors.ts';
import { announce, client, events } from '../store.ts';
import { type Draft, draftOf, type ParamField, readDraft, sectionsOf } from './param-fields.ts';
import { ParamSender } from './param-sender.ts';

/** How long a value that somebody else has changed is marked, ms. */
const MARKED_MS = 6000;
/** Between the first two looks at a processor that is still loading, ms; then twice as long each time. */
const LOADING_MS = 1000;
const LOADING_MOST_MS = 30_000;

type ParamsEvent = Extract<ServerEvent, { type: 'params' }>;

export class ParamsModel {
  readonly #stream: string;
  readonly info = signal<ParamSetInfo | null>(null);
  readonly sections = computed(() => (this.info.value ? sectionsOf(this.info.value) : []));
  /** What was typed and is not the server's value yet, by address. */
  readonly drafts = signal<Readonly<Record<string, Draft>>>({});
  /** By address; under the empty key what belongs to no field. */
  readonly errors = signal<Readonly<Record<string, string>>>({});
  /** Addresses that somebody else has changed just now. */
  readonly theirs = signal<ReadonlySet<string>>(new Set());
  /** First frame with the last change of this page. */
  readonly held = signal<number | null>(null);
  readonly #sender: ParamSender<ParamsChanged>;
  /** Newest change that is known here, whoever made it. */
  #revision = 0;
  readonly #own = new Set<number>();
  #events: ParamsEvent[] = [];
  readonly #off: () => void;
  #ended = false;
  /** Counts the questions: of several that are under way the last one is answered by the newest. */
  #asked = 0;
  #loading = false;
  #wait = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  readonly #marks = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(stream: string) {
    this.#stream = stream;
    this.#sender = new ParamSender<ParamsChanged>({
      send: (values) => client.setParams(stream, values),
      onSent: (answer, sent) => this.#onSent(answer, sent),
      onRefused: (errors) => {
        this.errors.value = { ...this.errors.value, ...errors };
        announce(Object.values(errors).join(' '));
        this.#settle();
      },
    });
    this.#off = events.subscribe({ types: ['params'], streams: [stream], onMissed: () => void this.load() }, (event) => {
      this.#events.push(event);
      if (!this.#sender.busy && !this.#loading) this.#settle();
    });
    void this.load();
  }

  dispose(): void {
    this.#ended = true;
    this.#off();
    this.#sender.close();
    clearTimeout(this.#again);
    for (const timer of this.#marks.values()) clearTimeout(timer);
  }

  /** Asks for everything anew. */
  async load(): Promise<void> {
    clearTimeout(this.#again);
    const asked = ++this.#asked;
    const known = this.#revision;
    this.#loading = true;
    try {
      const info = await client.params(this.#stream);
      if (this.#ended || asked !== this.#asked) return;
      // A change of this page was answered meanwhile: this answer is the older one.
      if (info.revision < this.#revision && this.#revision > known) return await this.load();
      // The server was started anew and counts from the beginning: none of its changes is known yet.
      if (info.revision < known) {
        this.#revision = 0;
        this.#own.clear();
      }
      batch(() => {
        this.#take(info);
        this.errors.value = without(this.errors.value, ['']);
      });
      this.#wait = info.waiting.length ? Math.min(LOADING_MOST_MS, this.#wait * 2 || LOADING_MS) : 0;
      if (this.#wait) this.#again = setTimeout(() => void this.load(), this.#wait);
    } catch (thrown) {
      const error = toSluiceError(thrown);
      if (!this.#ended && asked === this.#asked && error.code !== 'unknown-stream')
        this.errors.value = { ...this.errors.value, '': error.message };
    } finally {
      if (asked === this.#asked) {
        this.#loading = false;
        if (!this.#ended && !this.#sender.busy) this.#settle();
      }
    }
  }

  #take(info: ParamSetInfo): void {
    this.#revision = Math.max(this.#revision, info.revision);
    this.info.value = info;
  }

  /** What the control of a field shows. */
  draft(field: ParamField): Draft {
    const { value: drafts } = this.drafts;
    return Object.hasOwn(drafts, field.address) ? drafts[field.address]! : draftOf(field, this.value(field));
  }

  value(field: ParamField): unknown {
    return this.info.value?.values[field.address];
  }

  /** Somebody types or drags; nothing is sent unless `send`. */
  edit(field: ParamField, draft: Draft, send: boolean): void {
    const { address } = field;
    batch(() => {
      this.drafts.value = { ...this.drafts.value, [address]: draft };
      if (!send) return;
      const reading = readDraft(field, draft);
      if ('error' in reading) {
        this.errors.value = { ...this.errors.value, [address]: reading.error };
        return;
      }
      this.errors.value = without(this.errors.value, [address, '']);
      // An optional value that is not there and stays away.
      if (reading.value === null && this.value(field) === undefined) this.drafts.value = without(this.drafts.value, [address]);
      else this.#sender.set({ [address]: reading.value });
    });
  }

  /** Gives a value back to its default. */
  reset({ address }: ParamField): void {
    batch(() => {
      this.drafts.value = without(this.drafts.value, [address]);
      this.errors.value = without(this.errors.value, [address, '']);
    });
    this.#sender.set({ [address]: null });
  }

  /** Fires a trigger: a switch is pressed, a number counts on. */
  press(field: ParamField): void {
    const value = this.value(field);
    this.#sender.set({ [field.address]: typeof value === 'number' ? value + 1 : true });
  }

  /** The answer to a change that was made from this page in another way: a preset. */
  applied(answer: ParamsChanged): void {
    batch(() => {
      this.drafts.value = {};
      this.errors.value = {};
      this.#onSent(answer, []);
    });
  }

  #onSent(answer: ParamsChanged, sent: readonly string[]): void {
    this.#own.add(answer.revision);
    batch(() => {
      if (answer.revision >= this.#revision) this.#take(answer);
      this.held.value = answer.frame;
      const done = sent.filter((address) => !this.#sender.pending(address));
      this.drafts.value = without(this.drafts.value, done);
      this.errors.value = without(this.errors.value, [...done, '']);
      this.#settle();
    });
  }

  /** Events that came while an answer was under way: now it is known which were told of changes of this page. */
  #settle(): void {
    const waiting = this.#events;
    this.#events = [];
    for (const event of waiting) {
      if (this.#own.has(event.revision) || event.revision <= this.#revision) continue;
      const { value: info } = this.info;
      if (!info) continue;
      this.#revision = event.revision;
      this.info.value = { ...info, values: event.values, revision: event.revision };
      this.#mark(event.changed);
      // Another processor or source: other fields.
      if (event.changed.some((address) => !Object.hasOwn(info.from, address))) void this.load();
    }
  }

  #mark(addresses: readonly string[]): void {
    this.theirs.value = new Set([...this.theirs.value, ...addresses]);
    const fields = this.sections.value.flatMap(({ fields }) => fields).filter(({ address }) => addresses.includes(address));
    if (fields.length) announce(`Changed by somebody else: ${fields.map(({ label }) => label).join(', ')}.`);
    for (const address of addresses) {
      clearTimeout(this.#marks.get(address));
      const unmark = () => {
        this.theirs.value = new Set([...this.theirs.value].filter((each) => each !== address));
      };
      this.#marks.set(address, setTimeout(unmark, MARKED_MS));
    }
  }
}

function without<T>(record: Readonly<Record<string, T>>, keys: readonly string[]): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}
