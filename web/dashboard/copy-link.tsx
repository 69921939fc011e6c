// The link to this moment: exactly the shown frame, and the panels as they are.
import { useSignal } from '@preact/signals';
import { copyText } from './clipboard.ts';
import { Check, LinkIcon } from './icons.tsx';
import { layoutText } from './layout-store.ts';
import { writeRoute } from './route.ts';
import { announce, base } from './store.ts';
import { showError } from './toasts.tsx';
import { player } from './watching.ts';

/** The address that shows this frame again. Without a picture: that of the stream. */
function linkToNow(stream: string): string {
  const frame = player.peek()?.shownFrame?.id ?? null;
  return new URL(writeRoute({ stream, frame, layout: layoutText() }), base).href;
}

export function CopyLink(props: { stream: string }) {
  const done = useSignal(false);
  const onCopy = async () => {
    const link = linkToNow(props.stream);
    if (!(await copyText(link, null))) return showError(`The browser does not let this page copy. The link is ${link}`);
    done.value = true;
    announce('The link to this picture is copied.');
    setTimeout(() => {
      done.value = false;
    }, 2500);
  };
  return (
    <button type="button" class="button" title="A link to exactly this picture, with the panels as they are" onClick={() => void onCopy()}>
      {done.value ? <Check /> : <LinkIcon />}
      {done.value ? 'Copied' : 'Copy link'}
    </button>
  );
}
