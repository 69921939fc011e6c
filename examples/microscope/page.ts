// The page of examples/microscope: both detectors side by side, and how many of their pictures belong together.

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Microscope</title>
<link rel="icon" href="data:,">
<script type="module" src="../player.js"></script>
<style>
:root { color-scheme: light dark; --text: #15181d; --muted: #545b66; --back: #f3f4f6; --panel: #fff; --line: #d5d8de; }
@media (prefers-color-scheme: dark) { :root { --text: #f4f5f7; --muted: #b9bdc6; --back: #0f1114; --panel: #191c21; --line: #33373f; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 12px; background: var(--back); color: var(--text); font: 15px/1.4 system-ui, sans-serif; }
h1 { font-size: 18px; margin: 0 0 12px; }
main { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
figcaption { padding: 6px 10px; display: flex; gap: 12px; justify-content: space-between; }
figcaption span, #pairs { color: var(--muted); font-variant-numeric: tabular-nums; }
sluice-player { width: 100%; aspect-ratio: 1; max-height: calc(100vh - 150px); }
</style>
</head>
<body>
<h1>Microscope</h1>
<main>
<figure>
  <sluice-player id="left" src="../live/left" transport="lossless" controls autoplay muted></sluice-player>
  <figcaption>Detector 1: all 16 bits, without loss <span></span></figcaption>
</figure>
<figure>
  <sluice-player id="right" src="../live/right" transport="webrtc" controls autoplay muted></sluice-player>
  <figcaption>Detector 2: video (WebRTC) <span></span></figcaption>
</figure>
</main>
<p id="pairs" role="status">Waiting for both detectors</p>
<script type="module">
// Both are on one clock: pictures of one trigger have the same capture time, whatever way they took.
const players = [...document.querySelectorAll('sluice-player')];
const seen = players.map(() => new Map());
const counts = players.map(() => 0);
const totals = { left: 0, right: 0, pairs: 0, seconds: 0, ids: { left: [], right: [] } };
window.microscope = totals;
players.forEach((player, index) =>
  player.addEventListener('frame', ({ detail: { id, timestamp } }) => {
    if (seen[index].has(timestamp)) return;
    seen[index].set(timestamp, id);
    counts[index]++;
    totals[player.id]++;
    if (seen[1 - index].has(timestamp)) totals.pairs++;
    // Ten seconds are enough for the slower way.
    if (seen[index].size > 300) seen[index].delete(seen[index].keys().next().value);
  }),
);
setInterval(() => {
  totals.seconds++;
  players.forEach((player, index) => {
    const { id } = player.shownFrame ?? {};
    player.parentElement.querySelector('span').textContent = id ? 'frame ' + id + ', ' + counts[index] + ' fps' : '';
    counts[index] = 0;
  });
  const newest = players.map((player) => player.shownFrame?.timestamp);
  if (newest.includes(undefined)) return;
  const apart = (newest[0] - newest[1]) / 1000;
  document.querySelector('#pairs').textContent =
    totals.pairs + ' pictures of one trigger shown on both; the left one is ' + Math.abs(apart).toFixed(0) + ' ms ' + (apart < 0 ? 'behind' : 'ahead');
}, 1000);
</script>
</body>
</html>
`;
