// Starts and stops the live view of a detector, says how it goes and why not, and offers a snapshot where a live view makes no sense.
import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type LiveView, type LiveViewList, VIEW_PROTOCOLS, type ViewProtocol } from '../../../src/api/live-views.ts';
import { type SluiceError, toSluiceError } from '../../../src/core/errors.ts';
import { announce, client, events, mayChange } from '../store.ts';
import { durationText, plural, sentence } from '../words.ts';
import type { PanelProps } from './panel-props.ts';
import { ViewDiagnostics } from './view-diagnostics.tsx';
import { ViewParamsForm } from './view-params-form.tsx';

const PROTOCOL_WORDS: Record<ViewProtocol, string> = {
  lossless: 'Lossless',
  jpeg: 'JPEG',
  mjpeg: 'MJPEG',
  webrtc: 'WebRTC',
  h264: 'H.264',
  hls: 'HLS',
};
const STATE_WORDS: Record<LiveView['state'], string> = {
  starting: 'Starting',
  waiting: 'Waiting for its program',
  live: 'Live',
  failed: 'No pictures',
};

export function LiveViewPanel({ info }: PanelProps) {
  const { name, state } = info.value;
  const list = useSignal<LiveViewList | null>(null);
  const protocol = useSignal<ViewProtocol>('lossless');
  const refused = useSignal<SluiceError | null>(null);
  const busy = useSignal(false);

  const load = async () => {
    try {
      list.value = await client.liveViews();
    } catch (error) {
      refused.value = toSluiceError(error);
    }
  };
  useEffect(() => {
    void load();
    // With the state of the stream that of its views changes too.
  }, [name, state]);
  useEffect(() => {
    refused.value = null;
    return events.subscribe({ types: ['liveview'], streams: [name], onMissed: () => void load() }, () => void load());
  }, [name]);

  const act = async (work: () => Promise<unknown>, done: string) => {
    busy.value = true;
    refused.value = null;
    try {
      await work();
      announce(done);
    } catch (error) {
      refused.value = toSluiceError(error);
    }
    await load();
    busy.value = false;
  };
  const start = (force: boolean) => {
    const body = { stream: name, protocol: protocol.value, ...(force ? { force } : {}) };
    void act(() => client.startLiveView(body), `The live view of ${name} is started.`);
  };
  const stop = (one: ViewProtocol) =>
    void act(() => client.stopLiveView({ stream: name, protocol: one }), `The live view of ${name} is stopped.`);

  if (!list.value)
    return <div class="panel">{refused.value ? <Refusal error={refused.value} /> : <div class="skeleton-lines" aria-hidden="true" />}</div>;
  const views = list.value.items.filter((view) => view.stream === name);
  const exposure = list.value.detectors.find((detector) => detector.stream === name);
  return (
    <div class="panel live-view">
      {views.length === 0 && <p class="note">Not started. Pictures come while somebody watches; a live view keeps them coming.</p>}
      {views.map((view) => (
        <Running key={view.protocol} view={view} busy={busy.value} onStop={() => stop(view.protocol)} />
      ))}
      {exposure?.long && (
        <div class="live-view-notice" role="status">
          <p>
            <strong>Long exposure: {durationText(exposure.exposure ?? 0)}.</strong> A live view is meant for at most{' '}
            {durationText(exposure.limit)}. Take a single picture instead.
          </p>
          <p class="actions">
            <Snap name={name} primary />
            {mayChange.value && views.length === 0 && (
              <button type="button" class="button" disabled={busy.value} onClick={() => start(true)}>
                Start all the same
              </button>
            )}
          </p>
        </div>
      )}
      {refused.value && refused.value.code !== 'long-exposure' && <Refusal error={refused.value} />}
      <Start protocol={protocol} views={views} busy={busy.value} long={exposure?.long ?? false} onStart={() => start(false)} name={name} />
      {list.value.mode === 'exclusive' && <p class="note">One protocol at a time: this server is set so.</p>}
      <ViewParamsForm stream={name} protocol={protocol.value} />
      <ViewDiagnostics stream={name} />
    </div>
  );
}

function Running(props: { view: LiveView; busy: boolean; onStop: () => void }) {
  const { view, busy, onStop } = props;
  return (
    <div class={`live-view-row is-${view.state}`} data-protocol={view.protocol}>
      <p>
        <strong>{PROTOCOL_WORDS[view.protocol]}</strong> <span class="live-view-state">{STATE_WORDS[view.state]}</span>
        <span class="note">
          {plural(view.viewers, 'viewer')}
          {view.by === 'source' && ', started by its source'}
        </span>
        {view.reason && <span class="live-view-reason">{sentence(view.reason)} It goes on by itself when pictures come again.</span>}
      </p>
      {mayChange.value && (
        <button type="button" class="button" disabled={busy} onClick={onStop} aria-label={`Stop ${PROTOCOL_WORDS[view.protocol]}`}>
          Stop
        </button>
      )}
    </div>
  );
}

function Start(props: {
  name: string;
  protocol: Signal<ViewProtocol>;
  views: readonly LiveView[];
  busy: boolean;
  long: boolean;
  onStart: () => void;
}) {
  const { name, protocol, views, busy, long, onStart } = props;
  const runs = views.some((view) => view.protocol === protocol.value);
  return (
    <p class="actions live-view-start">
      <label>
        <span class="sr-only">Protocol</span>
        <select value={protocol.value} onChange={(event) => (protocol.value = event.currentTarget.value as ViewProtocol)}>
          {VIEW_PROTOCOLS.map((one) => (
            <option key={one} value={one}>
              {PROTOCOL_WORDS[one]}
            </option>
          ))}
        </select>
      </label>
      {mayChange.value && !long && (
        <button type="button" class="button primary" disabled={busy || runs} onClick={onStart}>
          {runs ? 'Started' : 'Start'}
        </button>
      )}
      {!long && <Snap name={name} />}
    </p>
  );
}

/** One picture at full depth, the next that is captured. */
function Snap(props: { name: string; primary?: boolean }) {
  return (
    <a
      class={props.primary ? 'button primary' : 'button'}
      href={`live/${props.name}/snapshot.tiff?new=1`}
      download
      title="The next picture, as TIFF with all its bits"
    >
      Snap
    </a>
  );
}

function Refusal(props: { error: SluiceError }) {
  return (
    <p class="field-error" role="alert">
      {sentence(props.error.message)}
    </p>
  );
}
