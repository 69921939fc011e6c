// Shares this device's camera or screen: choose, look, start, and see what arrives.
import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { STREAM_NAME } from '../../src/core/stream-name.ts';
import { CodeBlock } from './code-block.tsx';
import { Play, Screen, Stop, Warning } from './icons.tsx';
import { PageHead } from './page-head.tsx';
import { go, hrefOf } from './route.ts';
import { type Phase, type ShareChoice, ShareSession } from './share-session.ts';
import { limitText, RATES, type ShareKind, SIZES, tlsSnippets } from './share-words.ts';
import { announce, base, mayChange, streamOf } from './store.ts';
import { bitrateText, countText, durationText, fpsText } from './words.ts';

const PHASE_WORDS: Record<Phase, string> = {
  off: 'Not shared',
  asking: 'Waiting for permission',
  preview: 'Only you see this',
  connecting: 'Connecting',
  live: 'Shared',
};

export function SharePage(props: { name: string }) {
  return (
    <div class="share">
      <PageHead title="Share a camera or screen" short="Share" />
      {!isSecureContext ? <NotSecure /> : !mayChange.value ? <ViewOnly /> : <Studio name={props.name} />}
    </div>
  );
}

function NotSecure() {
  const secure = new URL(location.href);
  secure.protocol = 'https:';
  return (
    <section class="share-notice">
      <p class="form-error" role="alert">
        The browser gives cameras and screens only to secure pages, and this one came over plain HTTP. The server needs a certificate; it
        may be one of your own making.
      </p>
      {tlsSnippets(location.hostname).map((snippet) => (
        <CodeBlock key={snippet.id} snippet={snippet} />
      ))}
      <p>
        Then open <a href={secure.href}>{secure.href}</a>. The browser warns once of a certificate that it does not know; go on from there.
        On the server’s own computer http://localhost works without one.
      </p>
    </section>
  );
}

function ViewOnly() {
  return (
    <p class="form-error" role="alert">
      Your token is for watching only. Sharing needs the token for everything; whoever started the server saw it printed there.
    </p>
  );
}

function Studio(props: { name: string }) {
  const session = useMemo(() => new ShareSession(), []);
  useEffect(() => () => session.dispose(), [session]);
  const name = useSignal(props.name || 'camera');
  const choice = useSignal<ShareChoice>({ kind: 'camera', device: '', width: 1280, height: 720, fps: 30, sound: false });
  const phase = session.phase.value;
  useEffect(() => {
    if (phase === 'live') announce('Your picture is being shared.');
    else if (phase === 'preview') announce('The picture is here; it is not shared.');
  }, [phase]);

  const valid = STREAM_NAME.test(name.value) && !/^\.+$/.test(name.value);
  const change = (next: Partial<ShareChoice>) => {
    const other = next.kind !== undefined && next.kind !== choice.value.kind;
    choice.value = { ...choice.value, ...next };
    // Another kind is asked for by the button: a list that opens windows by itself frightens.
    if (other) session.close();
    else if (!session.media.value) return;
    else if (next.device !== undefined || next.sound !== undefined) void session.open(choice.value);
    else void session.resize(choice.value);
  };
  const start = (takeOver: boolean) => {
    if (!valid) return;
    go({ share: name.value }, { replace: true });
    void session.start(new URL(`live/${encodeURIComponent(name.value)}/whip`, base).href, choice.value, takeOver);
  };
  const busy = phase === 'asking' || phase === 'connecting';
  const on = phase === 'live' || phase === 'connecting';
  return (
    <div class="share-body">
      <div class="share-left">
        <Preview session={session} />
        {session.problem.value && (
          <div class="form-error share-problem" role="alert">
            <p>{session.problem.value.text}</p>
            {session.problem.value.takeOver && (
              <button type="button" class="button" onClick={() => start(true)}>
                Take over
              </button>
            )}
          </div>
        )}
        <div class="actions share-actions">
          {on ? (
            <button type="button" class="button danger share-main" onClick={() => session.stop()}>
              <Stop />
              Stop sharing
            </button>
          ) : (
            <button type="button" class="button primary share-main" disabled={busy || !valid} onClick={() => start(false)}>
              <Play />
              Start sharing
            </button>
          )}
          {phase === 'off' && (
            <button type="button" class="button" onClick={() => void session.open(choice.value)}>
              Preview
            </button>
          )}
          {phase === 'preview' && (
            <button type="button" class="button" onClick={() => session.close()}>
              Turn {choice.value.kind} off
            </button>
          )}
          {phase === 'live' && (
            <a href={new URL(hrefOf({ stream: name.value }), base).href} target="_blank" rel="noreferrer">
              Watch it
            </a>
          )}
        </div>
        {on && <LiveStatus session={session} />}
      </div>
      <Settings session={session} name={name} valid={valid} choice={choice.value} onChange={change} />
    </div>
  );
}

function Preview({ session }: { session: ShareSession }) {
  const video = useRef<HTMLVideoElement>(null);
  const media = session.media.value;
  const phase = session.phase.value;
  useEffect(() => {
    if (video.current) video.current.srcObject = media;
  }, [media]);
  return (
    <div class={`share-preview is-${phase}`}>
      <video ref={video} autoplay muted playsInline hidden={!media} aria-label="Preview" />
      {!media && <p class="share-empty">{phase === 'asking' ? 'The browser asks you for permission…' : 'No picture yet'}</p>}
      <p class="share-phase">
        <span class="dot" aria-hidden="true" />
        {session.held.value && media ? 'Held by the system: keep this page in sight' : PHASE_WORDS[phase]}
      </p>
    </div>
  );
}

function LiveStatus({ session }: { session: ShareSession }) {
  const sent = session.sent.value;
  const server = session.server.value;
  const limited = sent && limitText(sent.limit);
  return (
    <section class="share-status" aria-label="What is sent and what arrives">
      <dl>
        <div>
          <dt>Sent</dt>
          <dd data-fact="sent">
            {sent
              ? `${sent.width}×${sent.height}, ${fpsText(sent.fps)} fps, ${bitrateText(sent.bitrate)}${sent.codec ? `, ${sent.codec}` : ''}`
              : '…'}
          </dd>
        </div>
        <div>
          <dt>Round trip</dt>
          <dd data-fact="rtt">
            {sent?.rttMs == null ? '…' : durationText(sent.rttMs)}
            {sent?.loss ? `, ${(sent.loss * 100).toFixed(1)} % lost` : ''}
          </dd>
        </div>
        <div>
          <dt>Server</dt>
          <dd data-fact="server">
            {server?.width ? `${server.width}×${server.height}, frame ${countText(server.id)}` : 'no picture yet'}
            {server?.sound ? ', with sound' : ''}
            {server?.undecodable ? `; ${countText(server.undecodable)} of ${countText(server.received)} could not be decoded` : ''}
          </dd>
        </div>
      </dl>
      {limited && (
        <p class="share-limit">
          <Warning />
          {limited}
        </p>
      )}
      {server?.refused && (
        <p class="share-limit" role="alert">
          <Warning />
          The server does not take the pictures: {server.refused}
        </p>
      )}
    </section>
  );
}

interface SettingsProps {
  session: ShareSession;
  name: Signal<string>;
  valid: boolean;
  choice: ShareChoice;
  onChange: (next: Partial<ShareChoice>) => void;
}

/** Names of this computer that mean another one on another one. */
function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '[::1]';
}

const KINDS: readonly { id: ShareKind; label: string; hint: string }[] = [
  { id: 'camera', label: 'Camera', hint: 'of this device, or connected to it' },
  { id: 'screen', label: 'Screen', hint: 'a window, a tab or all of it' },
];

function Settings({ session, name, valid, choice, onChange }: SettingsProps) {
  const on = session.phase.value === 'live' || session.phase.value === 'connecting';
  const canScreen = 'getDisplayMedia' in navigator.mediaDevices;
  const exists = valid && streamOf(name.value) !== undefined;
  const address = new URL(`share/${name.value}`, base).href;
  return (
    <form class="share-settings" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="kinds share-kinds" disabled={on}>
        <legend>What is shared?</legend>
        {KINDS.map(({ id, label, hint }) => (
          <label key={id} class="kind">
            <input
              type="radio"
              name="share-kind"
              value={id}
              checked={choice.kind === id}
              disabled={id === 'screen' && !canScreen}
              onChange={() => onChange({ kind: id })}
            />
            <span>
              <strong>{label}</strong>
              <small class="kind-hint">{id === 'screen' && !canScreen ? 'this browser cannot share its screen' : hint}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="fields">
        {choice.kind === 'camera' && (
          <div class="field field-key-url">
            <label for="share-device">Camera</label>
            <select
              id="share-device"
              value={choice.device}
              disabled={!session.devices.value.length}
              onChange={(event) => onChange({ device: event.currentTarget.value })}
            >
              <option value="">{session.devices.value.length ? 'As the browser likes' : 'Known after the first picture'}</option>
              {session.devices.value.map((device, i) => (
                <option key={device.deviceId} value={device.deviceId}>
                  {device.label || `Camera ${i + 1}`}
                </option>
              ))}
            </select>
          </div>
        )}
        <div class="field">
          <label for="share-size">{choice.kind === 'camera' ? 'Size' : 'Size, at most'}</label>
          <select
            id="share-size"
            value={`${choice.width}x${choice.height}`}
            onChange={(event) => {
              const size = SIZES.find(({ id }) => id === event.currentTarget.value);
              if (size) onChange({ width: size.width, height: size.height });
            }}
          >
            {SIZES.map((size) => (
              <option key={size.id} value={size.id}>
                {size.width}×{size.height}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="share-fps">Pictures per second</label>
          <select id="share-fps" value={String(choice.fps)} onChange={(event) => onChange({ fps: Number(event.currentTarget.value) })}>
            {RATES.map((rate) => (
              <option key={rate} value={String(rate)}>
                {rate}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label class="check">
            <input
              type="checkbox"
              checked={choice.sound}
              disabled={on}
              onChange={(event) => onChange({ sound: event.currentTarget.checked })}
            />
            {choice.kind === 'camera' ? 'With sound of the microphone' : 'With sound of the screen, where the browser can'}
          </label>
        </div>
        <div class="field field-key-url">
          <label for="share-name">Name of the stream</label>
          <input
            id="share-name"
            value={name.value}
            disabled={on}
            maxLength={64}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-invalid={valid ? undefined : true}
            aria-describedby="share-name-help"
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
          <p class={valid ? 'field-help' : 'field-error'} id="share-name-help">
            {!valid
              ? 'Expected 1 to 64 characters of A-Z a-z 0-9 . _ -'
              : exists
                ? 'This stream is there already and goes on.'
                : 'A new stream.'}
          </p>
        </div>
      </div>
      {valid && (
        <p class="note share-address">
          <Screen />
          <span>
            This page on another device: <a href={address}>{address}</a>
            {isLocal(location.hostname) && `, with this computer’s name or address in the place of ${location.hostname}`}
          </span>
        </p>
      )}
    </form>
  );
}
