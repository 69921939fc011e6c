// One stream: its picture as large as the window allows, its state, and the panels beside it.
import type { ReadonlySignal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { StreamInfo } from '../../src/api/schema.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { writeSides } from './compare-sides.ts';
import { CopyLink } from './copy-link.tsx';
import { Dock, PanelsMenu } from './dock.tsx';
import { Back, Bin, Camera, Columns, Play, Stop } from './icons.tsx';
import { PLACES, panelsAt } from './layout.ts';
import { layout, openLayout } from './layout-store.ts';
import { PageHead } from './page-head.tsx';
import { isOffered, PAGES } from './panels/index.ts';
import { PushSnippets } from './panels/push.tsx';
import { Player } from './player.tsx';
import { RecordButton } from './record-button.tsx';
import { askToRemove } from './remove-stream.tsx';
import { hrefOf, route } from './route.ts';
import { StateBadge } from './state-badge.tsx';
import { follow, loaded, mayChange, setRunning, stats, streamOf } from './store.ts';
import { TAB_LABELS, TABS } from './tabs.ts';
import { showError } from './toasts.tsx';
import { sentence, stateHint } from './words.ts';

export function StreamPage(props: { name: string }) {
  const { name } = props;
  const asked = route.value.layout;
  // Before the first drawing: panels that are about to be hidden would load what nobody sees.
  useMemo(() => openLayout(name, asked), [name, asked]);
  useEffect(() => {
    follow(['state', 'stats'], [name]);
    return () => follow(['state']);
  }, [name]);
  const info = streamOf(name);
  if (info) return <Page info={info} />;
  return loaded.value ? <Unknown name={name} /> : <Skeleton name={name} />;
}

function Page(props: { info: ReadonlySignal<StreamInfo> }) {
  const info = props.info.value;
  const { tab, frame, t } = route.value;
  const empty = neverHadPicture(info);
  return (
    <div class="stream">
      <Head info={info} />
      <div class="stream-bar">
        <nav class="tabs" aria-label="What to do with this stream">
          {TABS.map((each) => (
            <a
              key={each}
              class="tab"
              href={hrefOf({ stream: info.name, tab: each })}
              data-route="tab"
              aria-current={each === tab ? 'page' : undefined}
            >
              {TAB_LABELS[each]}
            </a>
          ))}
        </nav>
        {tab === 'watch' && !empty && (
          <div class="stream-tools">
            <CopyLink stream={info.name} />
            <PanelsMenu info={info} />
          </div>
        )}
      </div>
      {empty ? (
        <section class="is-empty" aria-label={TAB_LABELS[tab]}>
          {tab === 'embed' ? <PAGES.embed info={props.info} /> : <FirstPicture info={info} />}
        </section>
      ) : (
        <Body info={props.info} frame={frame} t={t} />
      )}
    </div>
  );
}

/** The picture, and what is beside it. The player stays where it is in the document, whatever tab and layout: it plays on. */
function Body(props: { info: ReadonlySignal<StreamInfo>; frame: number | null; t: string | null }) {
  const { tab } = route.value;
  const info = props.info.value;
  const now = layout.value;
  const Beside = tab === 'watch' ? null : PAGES[tab];
  const columns = PLACES.filter((place) => place !== 'under' && panelsAt(now, place).some(({ id }) => isOffered(id, info)));
  const widths = { '--left': `${now.left}%`, '--right': `${now.right}%` };
  return (
    <div class={`stream-body tab-${tab}${tab === 'watch' ? columns.map((place) => ` has-${place}`).join('') : ''}`} style={widths}>
      <div class="stream-main" data-place="under">
        <section class="stage" aria-label="Picture">
          <Player stream={info.name} width={info.width} height={info.height} frame={props.frame} t={props.t} />
        </section>
        {!Beside && <Dock place="under" info={props.info} />}
      </div>
      {Beside ? (
        <section class="side" aria-label={TAB_LABELS[tab]}>
          <Beside info={props.info} />
        </section>
      ) : (
        <>
          <Dock place="left" info={props.info} />
          <Dock place="right" info={props.info} />
        </>
      )}
    </div>
  );
}

/** A stream that waits for its program and has nothing to go back to. */
function neverHadPicture(info: StreamInfo): boolean {
  return info.state === 'waiting' && info.dvr.start === null;
}

function Head(props: { info: StreamInfo }) {
  const { info } = props;
  const busy = useSignal(false);
  const title = info.title || info.name;
  const run = info.state === 'stopped';
  const onRun = async () => {
    busy.value = true;
    try {
      await setRunning(info.name, run);
    } catch (error) {
      showError(`“${title}” was not ${run ? 'started' : 'stopped'}: ${toSluiceError(error).message}`);
    } finally {
      busy.value = false;
    }
  };
  return (
    <PageHead
      title={title}
      beside={
        <>
          {title !== info.name && <code>{info.name}</code>}
          <StateBadge state={info.state} />
        </>
      }
    >
      {info.companion && (
        <a class="button" href={besideHref(info.name, info.companion)} data-route="page" title="The picture beside what the source gives">
          <Columns />
          Unprocessed beside
        </a>
      )}
      <div class="stream-actions" hidden={!mayChange.value}>
        {!neverHadPicture(info) && <RecordButton info={info} />}
        <button type="button" class="button" disabled={busy.value} onClick={() => void onRun()}>
          {run ? <Play /> : <Stop />}
          {run ? 'Start' : 'Stop'}
        </button>
        {!info.readOnly && (
          <button type="button" class="button" onClick={() => askToRemove(info)}>
            <Bin />
            Remove
          </button>
        )}
      </div>
      <ProcessorTrouble stream={info.name} />
      {(info.description || info.state !== 'live' || info.readOnly) && (
        <div class="stream-notes">
          {info.state !== 'live' && <p class={`state-note state-${info.state}`}>{stateHint(info)}</p>}
          {info.description && <p>{info.description}</p>}
          {info.readOnly && <p class="note">Defined in the configuration file: change or remove it there.</p>}
        </div>
      )}
    </PageHead>
  );
}

const TROUBLE_MS = 30_000;

/** What a processor in the way of the picture has trouble with, now or a moment ago. */
function ProcessorTrouble(props: { stream: string }) {
  const now = stats.value?.stream === props.stream ? stats.value.stats.processors : [];
  const troubled = now.filter(
    ({ place, state, error, errorAt }) =>
      place === 'inline' && error && (state === 'failed' || (errorAt !== null && Date.now() - errorAt / 1000 < TROUBLE_MS)),
  );
  return (
    <div aria-live="polite">
      {troubled.map(({ id, error, state }) => (
        <p key={id} class={`state-note ${state === 'failed' ? 'state-failed' : 'state-lost'}`}>
          {`Processor ${id}: ${sentence(error!)}${state === 'failed' ? ' It is tried again by itself.' : ''}`}
        </p>
      ))}
    </div>
  );
}

/** The picture and its unprocessed one side by side. */
function besideHref(name: string, companion: string): string {
  return hrefOf({
    compare: writeSides([
      { stream: name, way: 'auto' },
      { stream: companion, way: 'auto' },
    ]),
  });
}

function FirstPicture(props: { info: StreamInfo }) {
  return (
    <div class="first-picture">
      <h2>Waiting for the first picture</h2>
      {mayChange.value && (
        <p class="actions">
          <a class="button" href={hrefOf({ share: props.info.name })} data-route="page">
            <Camera />
            Share a camera or screen
          </a>
        </p>
      )}
      <p>
        {mayChange.value ? 'Or paste' : 'Paste'} one of these into a terminal or a program. The picture appears here as soon as it arrives.
      </p>
      <PushSnippets stream={props.info.name} width={props.info.width} height={props.info.height} />
    </div>
  );
}

function Unknown(props: { name: string }) {
  return (
    <div class="empty">
      <h1>There is no stream “{props.name}”</h1>
      <p>It was removed, or its name is spelt otherwise. If a program is about to push it, it appears here with its first picture.</p>
      <p class="actions">
        <a class="button primary" href={hrefOf({})} data-route="page">
          <Back />
          All streams
        </a>
      </p>
    </div>
  );
}

function Skeleton(props: { name: string }) {
  return (
    <div class="stream" role="status" aria-label={`Loading ${props.name}`}>
      <header class="stream-head">
        <div class="stream-title">
          <h1>{props.name}</h1>
        </div>
      </header>
      <div class="stream-body tab-watch has-right">
        <div class="stage">
          <div class="player-box is-skeleton" />
        </div>
        <div class="dock dock-right">
          <div class="skeleton-lines" />
        </div>
      </div>
    </div>
  );
}
