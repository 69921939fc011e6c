// How to show this stream elsewhere: HTML and addresses to paste.
import { CodeBlock } from '../code-block.tsx';
import { embedSnippets } from '../snippets.ts';
import { base, needsToken } from '../store.ts';
import type { PanelProps } from './panel-props.ts';

export function EmbedPanel({ info }: PanelProps) {
  return (
    <div class="panel">
      {needsToken.value && (
        <p class="note">
          Viewers need a token: add <code>?token=VIEW_TOKEN</code> to an address, or the attribute <code>token</code> to the element. Use
          the one for watching only; it was printed when the server started.
        </p>
      )}
      {embedSnippets({ base: base.href, stream: info.value.name, token: needsToken.value }).map((snippet) => (
        <CodeBlock key={snippet.id} snippet={snippet} />
      ))}
    </div>
  );
}
