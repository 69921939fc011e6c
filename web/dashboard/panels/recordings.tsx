// The recordings of the stream: what each holds, the way to where it begins, its file.
import { useSignal } from '@preact/signals';
import type { Recording } from '../../../src/api/recordings.ts';
import { bytesText } from '../../../src/core/bytes-text.ts';
import { toSluiceError } from '../../../src/core/errors.ts';
import { Bin, Download } from '../icons.tsx';
import { Problem, useSecond, When } from '../moment-parts.tsx';
import { recordings, recordingsProblem, refreshRecordings } from '../recordings-store.ts';
import { client, mayChange } from '../store.ts';
import { showError } from '../toasts.tsx';
import { seekTo } from '../watching.ts';
import { countText, lengthText, plural } from '../words.ts';
import type { PanelProps } from './panel-props.ts';

const LABELS = { 'ome-tiff': 'OME-TIFF', mp4: 'MP4' } as const;

export function RecordingsPanel({ info }: PanelProps) {
  const { name } = info.value;
  const items = recordings.value;
  const now = useSecond();
  const problem = useSignal<string | null>(null);
  if (!items) {
    return (
      <div class="recordings-panel">
        {recordingsProblem.value ? <p class="field-error">{recordingsProblem.value}</p> : <div class="skeleton-lines" />}
      </div>
    );
  }
  if (!items.length) {
    return (
      <div class="recordings-panel">
        <p class="note">
          {mayChange.value
            ? 'No recordings yet. “Record”, above the picture, keeps every frame in a file on the server.'
            : 'No recordings yet.'}
        </p>
      </div>
    );
  }
  const go = async (recording: Recording) => {
    const { start } = recording;
    if (start) problem.value = await seekTo(start);
  };
  return (
    <div class="recordings-panel">
      <Problem text={problem} />
      <ul class="recordings">
        {items.map((recording) => (
          <Row key={recording.id} stream={name} recording={recording} now={now.value} onGo={() => void go(recording)} />
        ))}
      </ul>
    </div>
  );
}

function Row(props: { stream: string; recording: Recording; now: number; onGo: () => void }) {
  const { stream, recording, now, onGo } = props;
  const { id, name, format, state, reason, frames, bytes, dropped, start, end } = recording;
  const asked = useSignal(false);
  const live = state === 'recording' || state === 'finishing';
  const length = start && end ? lengthText((end.timestamp - start.timestamp) / 1000) : null;
  const remove = async () => {
    try {
      await client.removeRecording(stream, id);
    } catch (error) {
      showError(`“${name}” was not removed: ${toSluiceError(error).message}`);
    }
    await refreshRecordings();
  };
  return (
    <li class={`recording is-${state}`}>
      <div class="recording-words">
        <button type="button" class="link recording-name" disabled={!start} title="Show where it begins" onClick={onGo}>
          {name}
        </button>
        <p class="note">
          {live ? <strong class="recording-live">{state === 'recording' ? 'Recording' : 'Finishing'}</strong> : LABELS[format]}
          {state === 'failed' ? ` · ${reason}` : ` · ${plural(frames, 'frame')}${length ? `, ${length}` : ''} · ${bytesText(bytes)} · `}
          {state !== 'failed' && <When timestamp={recording.created} now={now} />}
        </p>
        {dropped > 0 && (
          <p class="recording-missing">{`${countText(dropped)} ${dropped === 1 ? 'frame is' : 'frames are'} missing: the marks on the time bar show where`}</p>
        )}
        {!live && reason && state === 'finished' && !/asked for|was stopped/.test(reason) && <p class="note">{`Ended: ${reason}`}</p>}
      </div>
      <div class="recording-actions">
        {state === 'finished' && (
          <a
            class="button icon-only quiet"
            href={client.recordingFile(stream, id).href}
            download={recording.file}
            aria-label={`Download “${name}”`}
            title="Download"
          >
            <Download />
          </a>
        )}
        {mayChange.value &&
          !live &&
          (asked.value ? (
            <span class="recording-sure">
              <button type="button" class="button small danger" onClick={() => void remove()}>
                Delete file
              </button>
              <button type="button" class="button small" onClick={() => (asked.value = false)}>
                Keep
              </button>
            </span>
          ) : (
            <button
              type="button"
              class="button icon-only quiet"
              aria-label={`Delete “${name}”`}
              title="Delete"
              onClick={() => (asked.value = true)}
            >
              <Bin />
            </button>
          ))}
      </div>
    </li>
  );
}
