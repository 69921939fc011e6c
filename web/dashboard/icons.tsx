// The page's own small icons. They never stand alone: a word is beside them, or a label on the button.
import type { ComponentChildren } from 'preact';
import type { StreamState } from '../../src/api/schema.ts';

function Icon(props: { children: ComponentChildren; size?: number }) {
  const size = props.size ?? 16;
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      aria-hidden="true"
    >
      {props.children}
    </svg>
  );
}

/** The sign of the product: a lifted gate between two posts, and the water under it. */
export const Mark = () => (
  <svg class="mark" width="22" height="22" viewBox="0 0 20 20" fill="none" stroke-linecap="round" aria-hidden="true">
    <path d="M3 2v16M17 2v16" stroke="currentColor" stroke-width="2.2" />
    <rect x="6" y="2" width="8" height="6.5" rx="1" fill="currentColor" />
    <path d="M6 13c1.3-1.4 2.7-1.4 4 0s2.7 1.4 4 0M6 17c1.3-1.4 2.7-1.4 4 0s2.7 1.4 4 0" stroke="var(--accent)" stroke-width="1.8" />
  </svg>
);

/** Two pictures side by side. */
export const Columns = () => (
  <Icon>
    <path d="M2 3h5v10H2zM9 3h5v10H9z" />
  </Icon>
);

/** A shape for each state, so that nobody has to tell colours apart. */
export function StateIcon(props: { state: StreamState }) {
  switch (props.state) {
    case 'live':
      return (
        <Icon size={12}>
          <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" />
        </Icon>
      );
    case 'starting':
      return (
        <Icon size={12}>
          <circle cx="8" cy="8" r="5.6" />
          <path d="M8 2.4a5.6 5.6 0 0 1 0 11.2z" fill="currentColor" />
        </Icon>
      );
    case 'asleep':
      return (
        <Icon size={12}>
          <path d="M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6z" />
        </Icon>
      );
    case 'waiting':
      return (
        <Icon size={12}>
          <circle cx="8" cy="8" r="6" />
          <path d="M8 4.6V8l2.4 1.6" />
        </Icon>
      );
    case 'lost':
      return (
        <Icon size={12}>
          <path d="M8 2 15 14H1z" stroke-linejoin="round" />
          <path d="M8 6.4v3.4M8 11.4v1" />
        </Icon>
      );
    case 'failed':
      return (
        <Icon size={12}>
          <path d="m3 3 10 10M13 3 3 13" stroke-width="2.4" />
        </Icon>
      );
    case 'stopped':
      return (
        <Icon size={12}>
          <rect x="3" y="3" width="10" height="10" />
        </Icon>
      );
  }
}

export const Plus = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);
export const Cross = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const Back = () => (
  <Icon>
    <path d="M10 3 5 8l5 5" />
  </Icon>
);
export const Copy = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1" />
    <path d="M10.5 5.5v-3h-8v8h3" />
  </Icon>
);
export const Check = () => (
  <Icon>
    <path d="m3 8.5 3.4 3.4L13 5" />
  </Icon>
);
export const Play = () => (
  <Icon>
    <path d="M5 3v10l8-5z" fill="currentColor" />
  </Icon>
);
export const Stop = () => (
  <Icon>
    <rect x="4" y="4" width="8" height="8" fill="currentColor" />
  </Icon>
);
export const RecordIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="6" />
    <circle cx="8" cy="8" r="2.6" fill="currentColor" />
  </Icon>
);
export const Download = () => (
  <Icon>
    <path d="M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11" />
  </Icon>
);
export const Bin = () => (
  <Icon>
    <path d="M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9" />
  </Icon>
);
export const Undo = () => (
  <Icon size={14}>
    <path d="M3 3v4h4M3.4 7A5.4 5.4 0 1 1 3 10" />
  </Icon>
);
export const Sun = () => (
  <Icon>
    <circle cx="8" cy="8" r="3" />
    <path d="M8 1v2M8 13v2M1 8h2M13 8h2M3 3l1.4 1.4M11.6 11.6 13 13M13 3l-1.4 1.4M4.4 11.6 3 13" />
  </Icon>
);
export const Moon = () => (
  <Icon>
    <path d="M13 9.6A5.6 5.6 0 1 1 6.4 3a4.6 4.6 0 0 0 6.6 6.6z" />
  </Icon>
);
export const Screen = () => (
  <Icon>
    <rect x="2" y="3" width="12" height="8" rx="1" />
    <path d="M6 14h4M8 11v3" />
  </Icon>
);
export const Camera = () => (
  <Icon>
    <path d="M1.8 4.5h8.4v7H1.8zM10.2 7l4-2v6l-4-2" stroke-linejoin="round" />
  </Icon>
);
export const Warning = () => (
  <Icon>
    <path d="M8 2 15 14H1z" stroke-linejoin="round" />
    <path d="M8 6.4v3.4M8 11.4v1" />
  </Icon>
);
/** Six dots: what can be taken hold of. */
export const Grip = () => (
  <Icon>
    <path d="M6 4h.01M6 8h.01M6 12h.01M10 4h.01M10 8h.01M10 12h.01" stroke-width="2" stroke-linecap="round" />
  </Icon>
);
export const PanelsIcon = () => (
  <Icon>
    <rect x="2" y="2.5" width="12" height="11" rx="1" />
    <path d="M9.5 2.5v11M2 9h7.5" />
  </Icon>
);
export const LinkIcon = () => (
  <Icon>
    <path d="M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.4-2.4a2.6 2.6 0 0 0-3.7-3.7l-1 1M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.1 9.2a2.6 2.6 0 0 0 3.7 3.7l1-1" />
  </Icon>
);
export const Pencil = () => (
  <Icon>
    <path d="m3 13 .6-2.8L10.8 3l2.2 2.2-7.2 7.2z" stroke-linejoin="round" />
  </Icon>
);
/** Points right; turned by the style where it is open. */
export const Chevron = () => (
  <Icon>
    <path d="m6 4 4 4-4 4" />
  </Icon>
);
