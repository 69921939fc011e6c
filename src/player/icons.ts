// Icons of the controls, 24 x 24, and buttons with one.
import { icon, make } from './dom.ts';

const ICONS = {
  play: 'M8 5v14l11-7z',
  pause: 'M6 5h4v14H6zM14 5h4v14h-4z',
  back: 'M5 5h3v14H5zM19 5v14l-9-7z',
  forward: 'M16 5h3v14h-3zM5 5v14l9-7z',
  mark: 'M6 3v18h2v-7h10l-2.5-4L18 6H8V3zM8 8h6.4l-1.3 2 1.3 2H8z',
  scissors:
    'M8.3 8.9 12 11l8-4.6V4.5L12.9 8.6 9.3 6.5A3.2 3.2 0 1 0 8.3 8.9zM6.2 7.2a1.4 1.4 0 1 1 0-2.8 1.4 1.4 0 0 1 0 2.8zM20 19.5v-1.9L12 13l-3.7 2.1a3.2 3.2 0 1 0 1 2.4l3.6-2.1zM6.2 19.6a1.4 1.4 0 1 1 0-2.8 1.4 1.4 0 0 1 0 2.8z',
  soundOn: 'M4 9v6h4l5 5V4L8 9zM15 8.2v7.6a4.5 4.5 0 0 0 0-7.6zM15 3.6v2.1a7 7 0 0 1 0 12.6v2.1a9 9 0 0 0 0-16.8z',
  soundLow: 'M4 9v6h4l5 5V4L8 9zM15 8.2v7.6a4.5 4.5 0 0 0 0-7.6z',
  soundOff: 'M4 9v6h4l5 5V4L8 9zM21.5 9.4l-1.4-1.4-2.6 2.6L14.9 8l-1.4 1.4 2.6 2.6-2.6 2.6 1.4 1.4 2.6-2.6 2.6 2.6 1.4-1.4-2.6-2.6z',
  values: 'M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7zM6 7v2h3V7zM15 15v2h3v-2z',
  levels: 'M3 20h18v-2H3zM4 16h2V9H4zM8 16h2V4H8zM12 16h2v-5h-2zM16 16h2V7h-2z',
  save: 'M11 4h2v8.2l2.6-2.6L17 11l-5 5-5-5 1.4-1.4 2.6 2.6zM4 18h16v2H4z',
  link: 'M3.9 12a3.1 3.1 0 0 1 3.1-3.1h4V7H7a5 5 0 0 0 0 10h4v-1.9H7A3.1 3.1 0 0 1 3.9 12zM8 13h8v-2H8zm9-6h-4v1.9h4a3.1 3.1 0 0 1 0 6.2h-4V17h4a5 5 0 0 0 0-10z',
  stats: 'M4 20V10h3v10zM10.5 20V4h3v16zM17 20v-7h3v7z',
  help: 'M11 18h2v2h-2zM12 4a5 5 0 0 0-5 5h2a3 3 0 1 1 4.5 2.6C12 12.5 11 13.5 11 16h2c0-1.5.7-2 1.7-2.7A5 5 0 0 0 12 4z',
  full: 'M5 14H3v7h7v-2H5zM3 10h2V5h5V3H3zM19 19h-5v2h7v-7h-2zM14 3v2h5v5h2V3z',
} as const;

export type IconName = keyof typeof ICONS;

/** A button of the controls; pages style it as `::part(NAME-button)`. */
export function iconButton(name: IconName, label: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', { type: 'button', part: `button ${name}-button` });
  setIcon(element, name, label);
  element.addEventListener('click', onClick);
  return element;
}

export function setIcon(element: HTMLButtonElement, name: IconName, label: string): void {
  if (element.title === label) return;
  element.title = label;
  element.setAttribute('aria-label', label);
  element.replaceChildren(icon(ICONS[name]));
}
