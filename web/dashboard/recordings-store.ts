// The recordings of the stream that is shown: asked for while it is, each second while one runs.
import { computed, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Recording } from '../../src/api/recordings.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { client } from './store.ts';

const RUNNING_MS = 1000;
const RESTING_MS = 10_000;

const state = signal<{ readonly stream: string; readonly items: readonly Recording[] | null; readonly problem: string | null }>({
  stream: '',
  items: null,
  problem: null,
});

/** Newest first; `null` before the first answer. */
export const recordings = computed(() => state.value.items);
/** Why they are not known, in a sentence. */
export const recordingsProblem = computed(() => state.value.problem);
/** Those that run. */
export const running = computed(() => (state.value.items ?? []).filter(({ state: now }) => now === 'recording' || now === 'finishing'));

/** Counts the questions: an older one may be answered after a newer one. */
let asked = 0;
let answered = 0;

/** Asks now. */
export async function refreshRecordings(): Promise<void> {
  const { stream } = state.peek();
  if (!stream) return;
  const mine = ++asked;
  try {
    const items = await client.recordings(stream);
    take(mine, { stream, items, problem: null });
  } catch (error) {
    take(mine, { ...state.peek(), stream, problem: toSluiceError(error).message });
  }
}

function take(question: number, answer: typeof state.value): void {
  if (question < answered || state.peek().stream !== answer.stream) return;
  answered = question;
  state.value = answer;
}

/** Follows the recordings of a stream for as long as the page of it is shown. */
export function useRecordings(stream: string): void {
  useEffect(() => {
    state.value = { stream, items: null, problem: null };
    let asked = Number.NEGATIVE_INFINITY;
    const look = () => {
      if (document.visibilityState !== 'visible') return;
      if (!running.peek().length && performance.now() - asked < RESTING_MS) return;
      asked = performance.now();
      void refreshRecordings();
    };
    look();
    const timer = setInterval(look, RUNNING_MS);
    return () => {
      clearInterval(timer);
      state.value = { stream: '', items: null, problem: null };
    };
  }, [stream]);
}
