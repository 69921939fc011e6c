// Light or dark: the system's wish, unless the viewer chose otherwise here.
import { signal } from '@preact/signals';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEY = 'sluice.theme';

export const theme = signal<Theme>(stored());

/** Applies a choice and remembers it where the browser lets us. */
export function setTheme(next: Theme): void {
  theme.value = next;
  applyTheme();
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Storage may be forbidden (private windows, frames of other origins): the choice then holds for this page only.
  }
}

/** Writes the choice to the document, where the style sheet and the player see it. */
export function applyTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}
