// A handle between two things: dragged by pointer, or moved by arrow keys when it has the focus.
import { useRef } from 'preact/hooks';

export interface SplitterProps {
  /** `vertical`: a line that moves left and right. */
  readonly orientation: 'vertical' | 'horizontal';
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Change of the value for one pixel to the right or down. */
  readonly perPixel: () => number;
  /** Change of the value for one press of the arrow key to the right or down. */
  readonly step: number;
  /** `done`: the handle was let go, or a key pressed. */
  readonly onChange: (value: number, done: boolean) => void;
}

export function Splitter(props: SplitterProps) {
  const { orientation, min, max } = props;
  const drag = useRef<{ at: number; value: number; perPixel: number; last: number } | null>(null);
  const along = (event: PointerEvent) => (orientation === 'vertical' ? event.clientX : event.clientY);
  const clamp = (value: number) => Math.min(max, Math.max(min, value));
  const onMove = (event: PointerEvent) => {
    const from = drag.current;
    if (!from) return;
    from.last = clamp(from.value + (along(event) - from.at) * from.perPixel);
    props.onChange(from.last, false);
  };
  const onEnd = () => {
    const from = drag.current;
    drag.current = null;
    if (from && from.last !== from.value) props.onChange(from.last, true);
  };
  const onKey = (event: KeyboardEvent) => {
    const [less, more] = orientation === 'vertical' ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
    if (event.key !== less && event.key !== more) return;
    event.preventDefault();
    props.onChange(clamp(props.value + (event.key === more ? props.step : -props.step)), true);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: <hr> cannot be a widget; a focusable separator is one (ARIA 1.2, 5.3.26 separator).
    <div
      class={`splitter is-${orientation}`}
      role="separator"
      tabIndex={0}
      aria-label={props.label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(props.value)}
      aria-valuemin={min}
      aria-valuemax={max}
      title={`${props.label}: drag, or use the arrow keys`}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drag.current = { at: along(event), value: props.value, perPixel: props.perPixel(), last: props.value };
      }}
      onPointerMove={onMove}
      onPointerUp={onEnd}
      onPointerCancel={onEnd}
      onKeyDown={onKey}
    />
  );
}
