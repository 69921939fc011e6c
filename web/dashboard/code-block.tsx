// A text to paste, with a button that copies it.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { copyText } from './clipboard.ts';
import { Check, Copy } from './icons.tsx';
import type { Snippet } from './snippets.ts';
import { announce } from './store.ts';

export function CodeBlock(props: { snippet: Snippet }) {
  const { snippet } = props;
  const code = useRef<HTMLElement>(null);
  const said = useSignal<'copied' | 'selected' | null>(null);
  const onCopy = async () => {
    said.value = (await copyText(snippet.text, code.current)) ? 'copied' : 'selected';
    announce(said.value === 'copied' ? `${snippet.title}: copied` : 'Selected: press Ctrl+C to copy');
    setTimeout(() => {
      said.value = null;
    }, 2500);
  };
  return (
    <section class="snippet" aria-labelledby={`snippet-${snippet.id}`} data-snippet={snippet.id}>
      <header>
        <h3 id={`snippet-${snippet.id}`}>{snippet.title}</h3>
        <button type="button" class="button small" onClick={() => void onCopy()} aria-label={`Copy: ${snippet.title}`}>
          {said.value === 'copied' ? <Check /> : <Copy />}
          {said.value === 'copied' ? 'Copied' : said.value === 'selected' ? 'Press Ctrl+C' : 'Copy'}
        </button>
      </header>
      <p class="note">{snippet.note}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>
        <code ref={code}>{snippet.text}</code>
      </pre>
    </section>
  );
}
