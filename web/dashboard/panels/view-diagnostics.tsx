// Rates and ages of a detector's pictures by stage, while somebody looks.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { StreamDiagnostics } from '../../../src/api/live-views.ts';
import { client } from '../store.ts';
import { codecText, durationText, fpsText, outputText, plural } from '../words.ts';

const SHOW_MS = 1000;

export function ViewDiagnostics({ stream }: { stream: string }) {
  const open = useSignal(false);
  const shown = useSignal<StreamDiagnostics | null>(null);
  useEffect(() => {
    if (!open.value) return;
    let ended = false;
    const load = async () => {
      if (document.visibilityState !== 'visible') return;
      const figures = await client.diagnostics(stream).catch(() => null);
      if (!ended && figures) shown.value = figures;
    };
    void load();
    const timer = setInterval(() => void load(), SHOW_MS);
    return () => {
      ended = true;
      clearInterval(timer);
    };
  }, [stream, open.value]);
  return (
    <details onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>Rates and ages by stage</summary>
      {shown.value && <Stages of={shown.value} />}
    </details>
  );
}

function Stages({ of: { capture, encode, send } }: { of: StreamDiagnostics }) {
  const { count, missing, longestMs } = capture.gaps;
  return (
    <>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">stage</th>
            <th scope="col">per second</th>
            <th scope="col">age, mean</th>
            <th scope="col">longest</th>
          </tr>
        </thead>
        <tbody>
          <Row name="captured" fps={capture.fps} age={capture.ageMs} />
          {encode.map((one) => (
            <Row key={one.key} name={`encoded: ${codecText(one.key.split(',')[0]!)}`} title={one.key} fps={one.fps} age={one.ageMs} />
          ))}
          {send.map((one) => (
            <Row key={one.output} name={`sent: ${outputText(one.output)}`} fps={one.fps} age={one.ageMs} />
          ))}
        </tbody>
      </table>
      <p class="note">
        {count === 0
          ? 'No gaps between captures.'
          : `${plural(count, 'gap')}, ${plural(missing, 'frame')} missing by capture times${longestMs === null ? '' : `; the longest of the last minute ${durationText(longestMs)}`}.`}
      </p>
    </>
  );
}

function Row(props: { name: string; title?: string; fps: number; age: { mean: number | null; max: number | null } }) {
  const { name, title, fps, age } = props;
  const text = (ms: number | null) => (ms === null ? '–' : durationText(ms));
  return (
    <tr>
      <th scope="row" title={title}>
        {name}
      </th>
      <td>{fpsText(fps)}</td>
      <td>{text(age.mean)}</td>
      <td>{text(age.max)}</td>
    </tr>
  );
}
