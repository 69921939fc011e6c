// One stream: its picture as large as the window allows, its state, and the panels beside it.
import type { ReadonlySignal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { StreamInfo } from '../../src/api/schema.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { Back, Bin, Play, Stop } from './icons.tsx';
import { PANELS } from './panels/index.ts';
import { PushSnippets } from './panels/push.tsx';
import { Player } from './player.tsx';
import { askToRemove } from './remove-stream.tsx';
import { hrefOf, route } from './route.ts';
import { StateBadge } from './state-badge.tsx';
import { follow, loaded, mayChange, setRunning, streamOf } from './store.ts';
import { showError } from './toasts.tsx';
import { stateHint } from './words.ts';

export function StreamPage(props: { name: string }) {
  const { name } = props;
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
  const panel = PANELS.find((each) => each.id === tab) ?? PANELS[0]!;
  const empty = neverHadPicture(info);
  return (
    <div class="stream">
      <Head info={info} />
      <nav class="tabs" aria-label="What to do with this stream">
        {PANELS.map((each) => (
          <a
            key={each.id}
            class="tab"
            href={hrefOf({ stream: info.name, tab: each.id })}
            data-route="tab"
            aria-current={each.id === panel.id ? 'page' : undefined}
          >
            {each.label}
          </a>
        ))}
      </nav>
      {empty ? (
        <section class="is-empty" aria-label={panel.label}>
          {panel.id === 'embed' ? <panel.Panel info={props.info} /> : <FirstPicture info={info} />}
        </section>
      ) : (
        <div class={`stream-body tab-${panel.id}`}>
          <section class="stage" aria-label="Picture">
            <Player stream={info.name} width={info.width} height={info.height} frame={frame} t={t} />
          </section>
          <section class="side" aria-label={panel.label}>
            <panel.Panel info={props.info} />
          </section>
        </div>
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
  useEffect(() => {
    document.title = `${title} · Sluice`;
    return () => {
      document.title = 'Sluice';
    };
  }, [title]);
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
    <header class="stream-head">
      <a class="back" href={hrefOf({})} data-route="page">
        <Back />
        All streams
      </a>
      <div class="stream-title">
        <h1>{title}</h1>
        {title !== info.name && <code>{info.name}</code>}
        <StateBadge state={info.state} />
      </div>
      <div class="stream-actions" hidden={!mayChange.value}>
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
      {(info.description || info.state !== 'live' || info.readOnly) && (
        <div class="stream-notes">
          {info.state !== 'live' && <p class={`state-note state-${info.state}`}>{stateHint(info)}</p>}
          {info.description && <p>{info.description}</p>}
          {info.readOnly && <p class="note">Defined in the configuration file: change or remove it there.</p>}
        </div>
      )}
    </header>
  );
}

function FirstPicture(props: { info: StreamInfo }) {
  return (
    <div class="first-picture">
      <h2>Waiting for the first picture</h2>
      <p>Paste one of these into a terminal or a program. The picture appears here as soon as it arrives.</p>
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
      <div class="stream-body tab-watch">
        <div class="stage">
          <div class="player-box is-skeleton" />
        </div>
        <div class="side">
          <div class="skeleton-lines" />
        </div>
      </div>
    </div>
  );
}
