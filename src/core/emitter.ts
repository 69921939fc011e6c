// Typed events for changes of state (media never flows through events). A throwing listener hurts nobody else.

type Listener<T> = (event: T) => void;

/** Emitter over a map of event names to payloads. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => {}) {
    this.#onError = onError;
  }

  /** Listens until the returned function is called. */
  on<K extends keyof Events>(name: K, listener: Listener<Events[K]>): () => void {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    const own: Listener<Events[K]> = (event) => listener(event);
    set.add(own as Listener<never>);
    return () => void set.delete(own as Listener<never>);
  }

  emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as Listener<Events[K]>)(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
