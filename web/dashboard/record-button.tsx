// The way to record a stream: a box that asks what and how long; while it records, how it goes and the way to end it.
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { Recording, RecordingFormat, RecordingRequestInput } from '../../src/api/recordings.ts';
import type { StreamInfo } from '../../src/api/schema.ts';
import { bytesText } from '../../src/core/bytes-text.ts';
import { toSluiceError } from '../../src/core/errors.ts';
import { RecordIcon, Stop } from './icons.tsx';
import { changePanel } from './layout.ts';
import { layout, setLayout } from './layout-store.ts';
import { Menu } from './menu.tsx';
import { useSecond } from './moment-parts.tsx';
import { recordings, refreshRecordings, running, useRecordings } from './recordings-store.ts';
import { announce, client } from './store.ts';
import { showError } from './toasts.tsx';
import { lengthText } from './words.ts';

const FORMATS: readonly { readonly id: RecordingFormat; readonly label: string; readonly hint: string }[] = [
  { id: 'ome-tiff', label: 'Every frame, lossless', hint: 'OME-TIFF at full depth' },
  { id: 'mp4', label: 'Video', hint: 'MP4 as it is watched, small' },
];

export function RecordButton(props: { info: StreamInfo }) {
  const { name } = props.info;
  useRecordings(name);
  const [now] = running.value;
  return now ? <Running stream={name} recording={now} /> : <Start stream={name} />;
}

function Start(props: { stream: string }) {
  const format = useSignal<RecordingFormat>('ome-tiff');
  const seconds = useSignal('');
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const last = recordings.value?.[0];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    problem.value = null;
    const request: RecordingRequestInput = { format: format.value };
    if (seconds.value.trim()) request.duration = Number(seconds.value);
    try {
      await client.record(props.stream, request);
      announce('Recording has begun.');
      await refreshRecordings();
    } catch (error) {
      problem.value = toSluiceError(error).message;
    } finally {
      busy.value = false;
    }
  };
  return (
    <Menu
      label="Record"
      button={
        <>
          <RecordIcon />
          Record
        </>
      }
    >
      <form ref={form} class="record-form" onSubmit={(event) => void submit(event)}>
        <fieldset>
          <legend>What to record</legend>
          {FORMATS.map(({ id, label, hint }) => (
            <label key={id} class="record-kind">
              <input type="radio" name="record-format" checked={format.value === id} onChange={() => (format.value = id)} />
              <span>
                {label}
                <small>{hint}</small>
              </span>
            </label>
          ))}
        </fieldset>
        <label class="record-seconds">
          Stop after
          <span>
            <input
              type="number"
              min="0.1"
              step="any"
              inputMode="decimal"
              placeholder="by hand"
              value={seconds.value}
              onInput={(event) => (seconds.value = event.currentTarget.value)}
            />
            seconds
          </span>
        </label>
        {problem.value && (
          <p class="field-error" role="alert">
            {problem.value}
          </p>
        )}
        <button type="submit" class="button primary" disabled={busy.value}>
          {busy.value ? 'Starting…' : 'Start recording'}
        </button>
        {last && (
          <p class="record-last note">
            {`Last: ${last.state === 'failed' ? last.reason : `${bytesText(last.bytes)}, ${last.frames} frames`}`}{' '}
            <button type="button" class="link" onClick={showPanel}>
              Show recordings
            </button>
          </p>
        )}
      </form>
    </Menu>
  );
}

function showPanel(): void {
  setLayout(changePanel(layout.peek(), 'recordings', { shown: true }));
  requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-panel="recordings"]')?.scrollIntoView({ block: 'nearest' }));
}

function Running(props: { stream: string; recording: Recording }) {
  const { stream, recording } = props;
  const busy = useSignal(false);
  const now = useSecond();
  const finishing = recording.state === 'finishing' || busy.value;
  const stop = async () => {
    busy.value = true;
    try {
      await client.stopRecording(stream, recording.id);
      announce('The recording is finished.');
    } catch (error) {
      showError(`The recording was not stopped: ${toSluiceError(error).message}`);
    } finally {
      busy.value = false;
      await refreshRecordings();
    }
  };
  const elapsed = lengthText(Math.max(0, now.value - recording.created / 1000));
  const limit = recording.limits.duration;
  return (
    <section class="recording-now" aria-label="Recording">
      <span class="recording-state">
        <RecordIcon />
        {finishing ? 'Finishing' : 'Recording'}
      </span>
      <span class="recording-figures">
        <span title="Time since it began">{limit ? `${elapsed} of ${lengthText(limit * 1000)}` : elapsed}</span>
        <span title={`${recording.frames} frames`}>{bytesText(recording.bytes)}</span>
        {recording.dropped > 0 && (
          <strong class="recording-missing" title="Frames that were captured and are not in the file">
            {`${recording.dropped} missing`}
          </strong>
        )}
      </span>
      <button type="button" class="button" disabled={finishing} onClick={() => void stop()}>
        <Stop />
        Stop recording
      </button>
    </section>
  );
}
