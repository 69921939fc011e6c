// A button that opens a small box below it; Escape, a click elsewhere and leaving it by Tab close it.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface MenuProps {
  readonly label: string;
  readonly button: ComponentChildren;
  readonly class?: string;
  readonly onOpen?: () => void;
  readonly children: ComponentChildren;
}

export function Menu(props: MenuProps) {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const element = box.current!;
    const close = (focus: boolean) => {
      if (!element.open) return;
      element.open = false;
      if (focus) element.querySelector('summary')?.focus();
    };
    const onOutside = (event: Event) => {
      const { target } = event;
      // A click beside the controls of the box focuses what holds the menu; to close it then, under the pointer, crashes Chromium 156.
      if (target instanceof Node && !element.contains(target) && !target.contains(element)) close(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Escape') close(true);
    };
    document.addEventListener('pointerdown', onOutside);
    document.addEventListener('focusin', onOutside);
    // Not only inside: the button that had the focus may have been switched off meanwhile.
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('pointerdown', onOutside);
      document.removeEventListener('focusin', onOutside);
      document.removeEventListener('keydown', onKey);
    };
  }, []);
  return (
    <details class="menu" ref={box} onToggle={(event) => event.currentTarget.open && props.onOpen?.()}>
      <summary class={props.class ?? 'button'} aria-label={props.label} title={props.label}>
        {props.button}
      </summary>
      <div class="menu-box">{props.children}</div>
    </details>
  );
}
