// Short messages at the bottom of the page: removals that can be undone, and what went wrong.
import { signal } from '@preact/signals';
import { Bin, Cross, Warning } from './icons.tsx';

export interface Toast {
  readonly id: string;
  readonly kind: 'removal' | 'error';
  readonly text: string;
  /** Goes away by itself after so many ms. */
  readonly lifeMs: number;
  readonly action?: { readonly label: string; readonly run: () => void };
}

const toasts = signal<readonly Toast[]>([]);

/** Shows a message; one with the same id is replaced. Gives what takes it away. */
export function showToast(toast: Toast): () => void {
  const hide = () => {
    toasts.value = toasts.value.filter((each) => each !== toast);
  };
  toasts.value = [...toasts.value.filter((each) => each.id !== toast.id), toast];
  setTimeout(hide, toast.lifeMs);
  return hide;
}

/** Shows an error for 12 s. */
export function showError(text: string): void {
  showToast({ id: `error:${text}`, kind: 'error', text, lifeMs: 12_000 });
}

function dismiss(toast: Toast): void {
  toasts.value = toasts.value.filter((each) => each !== toast);
}

export function Toasts() {
  return (
    <section class="toasts" aria-label="Messages">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast toast-${toast.kind}`} role={toast.kind === 'error' ? 'alert' : 'status'}>
          {toast.kind === 'error' ? <Warning /> : <Bin />}
          <p>{toast.text}</p>
          {toast.action ? (
            <button
              type="button"
              class="button"
              onClick={() => {
                toast.action?.run();
                dismiss(toast);
              }}
            >
              {toast.action.label}
            </button>
          ) : (
            <button type="button" class="button icon-only quiet" aria-label="Close this message" onClick={() => dismiss(toast)}>
              <Cross />
            </button>
          )}
          {toast.kind === 'removal' && <span class="toast-time" style={{ animationDuration: `${toast.lifeMs}ms` }} />}
        </div>
      ))}
    </section>
  );
}
