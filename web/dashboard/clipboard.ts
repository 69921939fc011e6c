// Copies a text, also where the page has no clipboard: on plain http from another machine.

/** False if the browser does not let us; then `element`, where given, is selected for the viewer to copy. */
export async function copyText(text: string, element: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (element) {
      getSelection()?.selectAllChildren(element);
      return document.execCommand('copy');
    }
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'sr-only';
    const before = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return copied;
  }
}
