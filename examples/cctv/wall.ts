// The page of examples/cctv: a wall of players, and the link as a QR code for whoever stands in front of it.

export interface Tile {
  readonly stream: string;
  readonly title: string;
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** @param svg the QR code of `link` */
export function wallPage(tiles: readonly Tile[], link: string, svg: string): string {
  const figures = tiles
    .map(
      ({ stream, title }) => `<figure>
  <sluice-player src="../live/${stream}" transport="auto" controls autoplay muted></sluice-player>
  <figcaption>${escapeHtml(title)}</figcaption>
</figure>`,
    )
    .join('\n');
  // Without a token in it: that lies in the QR code and in the cookie of whoever reads this.
  const shown = escapeHtml(link.replace(/\?.*/, ''));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cameras</title>
<script type="module" src="../player.js"></script>
<style>
:root { color-scheme: light dark; --text: #15181d; --muted: #545b66; --back: #f3f4f6; --panel: #fff; --line: #d5d8de; }
@media (prefers-color-scheme: dark) { :root { --text: #f4f5f7; --muted: #b9bdc6; --back: #0f1114; --panel: #191c21; --line: #33373f; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 12px; background: var(--back); color: var(--text); font: 15px/1.4 system-ui, sans-serif; }
header { display: flex; align-items: center; gap: 12px; margin: 0 0 12px; }
h1 { font-size: 18px; margin: 0; flex: 1; }
main { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, ${tiles.length === 1 ? 640 : 420}px), 1fr)); }
figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
figcaption { padding: 6px 10px; color: var(--muted); }
sluice-player { width: 100%; max-height: calc(100vh - 120px); }
details { position: relative; }
summary { cursor: pointer; padding: 6px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); list-style: none; }
summary::-webkit-details-marker { display: none; }
summary:focus-visible { outline: 2px solid #0b6bcb; outline-offset: 2px; }
.share { position: absolute; right: 0; top: calc(100% + 8px); z-index: 2; width: 260px; padding: 12px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 8px 24px rgb(0 0 0 / 25%); }
.share svg { display: block; width: 100%; border-radius: 4px; }
.share p { margin: 8px 0 0; color: var(--muted); overflow-wrap: anywhere; }
</style>
</head>
<body>
<header>
<h1>${tiles.length === 1 ? escape(tiles[0]!.title) : 'Cameras'}</h1>
<details><summary>Open on a phone</summary><div class="share">${svg}<p>${shown}</p><p>Whoever has this code can watch, and nothing else.</p></div></details>
</header>
<main>
${figures}
</main>
</body>
</html>
`;
}
