// How to push frames into this stream: texts to paste.
import { CodeBlock } from '../code-block.tsx';
import { hrefOf } from '../route.ts';
import { pushSnippets } from '../snippets.ts';
import { base, needsToken } from '../store.ts';
import type { PanelProps } from './panel-props.ts';

export function PushPanel({ info }: PanelProps) {
  const { name, width, height, config } = info.value;
  if (config.source.type !== 'push') {
    return (
      <div class="panel">
        <p class="note">
          This stream makes its pictures itself (source <code>{config.source.type}</code>), so no program can push into it. Push under
          another name: a stream is made with the first picture.
        </p>
        <PushSnippets stream={`${name}-2`} width={null} height={null} />
      </div>
    );
  }
  return (
    <div class="panel">
      <p>
        <a href={hrefOf({ share: name })} data-route="page">
          Share a camera or screen of this device
        </a>
        , or send from a program:
      </p>
      <PushSnippets stream={name} width={width} height={height} />
    </div>
  );
}

/** The texts for a stream, whether it exists or not: the first picture makes it. */
export function PushSnippets(props: { stream: string; width: number | null; height: number | null }) {
  return (
    <>
      {needsToken.value && (
        <p class="note">
          This server asks for a token. The texts read it from the environment: <code>export SLUICE_TOKEN=…</code>, as printed when the
          server started.
        </p>
      )}
      {pushSnippets({ ...props, base: base.href, token: needsToken.value }).map((snippet) => (
        <CodeBlock key={snippet.id} snippet={snippet} />
      ))}
    </>
  );
}
