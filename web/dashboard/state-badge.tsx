// The state of a stream: shape, colour and word together.
import type { StreamState } from '../../src/api/schema.ts';
import { StateIcon } from './icons.tsx';
import { STATE_WORDS } from './words.ts';

export function StateBadge(props: { state: StreamState }) {
  return (
    <span class={`state state-${props.state}`}>
      <StateIcon state={props.state} />
      {STATE_WORDS[props.state].label}
    </span>
  );
}
