// Removing a stream: asks, says what is lost, and can be undone for 10 s.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StreamInfo } from '../../src/api/schema.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { Removals, UNDO_MS } from './removals.ts';
import { go, route } from './route.ts';
import { announce, removeNow, removing } from './store.ts';
import { showError, showToast } from './toasts.tsx';
import { lossText, plural } from './words.ts';

const asked = signal<StreamInfo | null>(null);

const removals = new Removals({
  send: removeNow,
  onChange: (names) => {
    removing.value = names;
  },
  onError: (name, error) => showError(`“${name}” was not removed: ${toSluiceError(error).message}`),
});

addEventListener('pagehide', () => removals.flush());

/** Asks whether to remove the stream. */
export function askToRemove(info: StreamInfo): void {
  asked.value = info;
}

export function RemoveDialog() {
  return asked.value ? <Dialog info={asked.value} onClose={() => (asked.value = null)} /> : null;
}

function remove(info: StreamInfo): void {
  const back = { ...route.value };
  removals.schedule(info.name);
  const hide = showToast({
    id: `remove:${info.name}`,
    kind: 'removal',
    text: `“${info.title || info.name}” is removed.`,
    lifeMs: UNDO_MS,
    action: {
      label: 'Undo',
      run: () => {
        hide();
        if (!removals.undo(info.name)) return;
        announce(`“${info.title || info.name}” is back.`);
        if (back.stream === info.name && !route.value.stream) go(back, { replace: true });
      },
    },
  });
  if (route.value.stream === info.name) go({}, { replace: true });
}

function Dialog(props: { info: StreamInfo; onClose: () => void }) {
  const { info } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="dialog small" aria-labelledby="remove-title" onClose={props.onClose}>
      <header>
        <h2 id="remove-title">Remove “{info.title || info.name}”?</h2>
      </header>
      <div class="dialog-body">
        <p>This deletes {lossText(info)}.</p>
        {info.viewers > 1 && <p>{plural(info.viewers, 'viewer is', 'viewers are')} watching it now.</p>}
        <p class="note">You can undo it for 10 seconds.</p>
      </div>
      <footer>
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Keep it
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            dialog.current?.close();
            remove(info);
          }}
        >
          Remove
        </button>
      </footer>
    </dialog>
  );
}
