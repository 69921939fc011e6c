// Looks of the player. Pages change them by custom properties (--sluice-text, -text-muted, -accent, -live, -panel, -line, -background,
// -radius, -font) and by ::part(): stage, picture, boxes, values, controls, timeline, sound, sound-hint, sound-picture, volume, marker, clip, levels, scale-bar, badge, probes, presets, button, live-button, clock, stats, hud, help,
// doctor, marker-form, message, notice.
export const STYLE = `
:host {
  --_text: var(--sluice-text, #f4f5f7);
  --_muted: var(--sluice-text-muted, #b9bdc6);
  --_accent: var(--sluice-accent, #58c4ff);
  --_live: var(--sluice-live, #ff5a52);
  --_panel: var(--sluice-panel, rgb(17 19 23 / 88%));
  --_line: var(--sluice-line, rgb(255 255 255 / 28%));
  --_background: var(--sluice-background, #0b0c0e);
  --_solid: #16181d;
  --_good: #4ad17f;
  --_fair: #f4c04b;
  --_slow: #ff7f78;
  --_radius: var(--sluice-radius, 6px);
  --_speaker: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Cpath d='M4 9v6h4l5 5V4L8 9zM15 8.2v7.6a4.5 4.5 0 0 0 0-7.6z'/%3E%3C/svg%3E");
  --_font: var(--sluice-font, system-ui, sans-serif);
  display: block;
  position: relative;
  overflow: hidden;
  aspect-ratio: var(--_aspect, 16 / 9);
  background: var(--_background);
  color: var(--_text);
  font: 13px/1.4 var(--_font);
  container: sluice-player / inline-size;
  user-select: none;
  -webkit-user-select: none;
}
@media (prefers-color-scheme: light) {
  :host {
    --_text: var(--sluice-text, #15181d);
    --_muted: var(--sluice-text-muted, #545b66);
    --_accent: var(--sluice-accent, #0b6bcb);
    --_live: var(--sluice-live, #c8231c);
    --_panel: var(--sluice-panel, rgb(255 255 255 / 92%));
    --_line: var(--sluice-line, rgb(0 0 0 / 26%));
    --_background: var(--sluice-background, #e4e6ea);
    --_solid: #fff;
    --_good: #14713a;
    --_fair: #855600;
    --_slow: #b3211a;
  }
}
:host([hidden]) { display: none; }
:host(:focus) { outline: none; }
:host(:focus-visible) { outline: 2px solid var(--_accent); outline-offset: -2px; }
:host(:fullscreen) { width: 100vw; height: 100vh; --_background: #000; }
[hidden] { display: none !important; }
.stage { position: absolute; inset: 0; background: center / var(--_fit, contain) no-repeat; }
.stage.quiet { cursor: none; }
.stage .picture { transition: opacity 0.3s, filter 0.3s; }
.stage.old .picture { opacity: 0.4; filter: grayscale(1); }
.picture { display: block; width: 100%; height: 100%; object-fit: contain; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.message {
  position: absolute; inset: 0 0 auto 0; top: 50%; translate: 0 -50%; margin: auto; width: fit-content;
  max-width: min(34em, calc(100% - 32px)); box-sizing: border-box; padding: 10px 16px; border-radius: var(--_radius);
  background: var(--_panel); text-align: center; display: flex; align-items: center; gap: 12px;
}
.message p { margin: 0; overflow-wrap: anywhere; user-select: text; -webkit-user-select: text; }
.message p:empty { display: none; }
.message:has(.big-play:not([hidden])) { flex-direction: column; background: none; padding: 0; }
.message:has(.big-play:not([hidden])) p { background: var(--_panel); padding: 6px 12px; border-radius: var(--_radius); }
.message[data-state='error'] { border-inline-start: 4px solid var(--_live); text-align: start; }
.message[data-state='stalled'] { top: auto; bottom: 76px; translate: none; }
.spinner { display: none; flex: none; width: 18px; height: 18px; border-radius: 50%; border: 2px solid var(--_line); border-top-color: var(--_accent); animation: turn 0.9s linear infinite; }
.message:is([data-state='loading'], [data-state='stalled']) .spinner { display: block; }
@keyframes turn { to { rotate: 1turn; } }
@media (prefers-reduced-motion: reduce) { .spinner { animation-duration: 4s; } .controls { transition: none !important; } }
.toast {
  z-index: 2;
  position: absolute; top: 12px; left: 50%; translate: -50% 0; max-width: calc(100% - 24px); box-sizing: border-box; padding: 6px 12px;
  border-radius: var(--_radius); background: var(--_panel); overflow-wrap: anywhere; user-select: text; -webkit-user-select: text;
}
/* Below what offers sound. */
.toast:has(~ .sound-hint:not([hidden], .away)) { top: 64px; }

.controls {
  position: absolute; inset: auto 8px 8px 8px; padding: 4px 6px; border-radius: var(--_radius); background: var(--_panel);
  transition: opacity 0.15s;
}
.controls.away { opacity: 0; pointer-events: none; }
.row { display: flex; align-items: center; gap: 2px; min-width: 0; }
.space { flex: 1; }
button {
  font: inherit; color: inherit; background: none; border: 0; border-radius: var(--_radius); height: 32px; min-width: 32px; padding: 0 5px;
  display: inline-flex; align-items: center; justify-content: center; gap: 6px; cursor: pointer; flex: none;
}
button:hover { background: color-mix(in srgb, var(--_text) 14%, transparent); }
button:disabled { opacity: 0.45; cursor: default; background: none; }
button:focus-visible, .timeline:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
svg { width: 20px; height: 20px; fill: currentColor; display: block; }
.live { font-variant-numeric: tabular-nums; color: var(--_muted); font-weight: 600; white-space: nowrap; }
.live.on { color: var(--_text); }
.dot { width: 8px; height: 8px; border-radius: 50%; border: 1.5px solid var(--_muted); box-sizing: border-box; }
.live.on .dot { background: var(--_live); border-color: var(--_live); }
.sound { display: inline-flex; align-items: center; gap: 2px; min-width: 0; flex: none; }
.volume { width: 64px; height: 16px; margin: 0; accent-color: var(--_accent); cursor: pointer; }
.volume:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.sound-level { width: 28px; height: 6px; margin: 0 6px 0 4px; border-radius: 3px; background: var(--_line); overflow: hidden; flex: none; }
.sound-level span { display: block; height: 100%; background: var(--_good); transform-origin: left; scale: 0 1; transition: scale 0.1s linear; }
.sound-hint {
  position: absolute; top: 12px; right: 12px; max-width: calc(100% - 24px); box-sizing: border-box; display: flex; align-items: center; gap: 6px; padding: 4px 4px 4px 8px;
  border-radius: var(--_radius); background: var(--_panel);
}
.sound-hint .close::before { content: ''; width: 18px; height: 18px; background: currentColor; mask: var(--_speaker) center / contain no-repeat; }
.sound-hint span:empty { display: none; }
.sound-picture {
  position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 12px; color: var(--_accent); background: var(--_background); pointer-events: none;
}
.sound-picture canvas { width: min(640px, 84cqw); height: auto; }
.sound-picture p { margin: 0; color: var(--_text); }
.clock { color: var(--_muted); font-variant-numeric: tabular-nums; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; padding: 0 4px; }
.big-play { width: 64px; height: 64px; border-radius: 50%; background: var(--_panel); }
.big-play:hover { background: color-mix(in srgb, var(--_accent) 30%, var(--_panel)); }
.big-play svg { width: 36px; height: 36px; }

.timeline { position: relative; height: 22px; margin: 0 6px; cursor: pointer; touch-action: none; border-radius: 3px; }
.timeline[data-lanes='1'] { height: 26px; }
.timeline[data-lanes='2'] { height: 30px; }
.timeline[data-lanes='3'] { height: 34px; }
.track { position: absolute; top: 10px; left: 0; right: 0; height: 4px; border-radius: 2px; background: var(--_line); }
.done { position: absolute; inset: 0 auto 0 0; border-radius: 2px; background: var(--_accent); opacity: 0.85; }
.gap {
  position: absolute; top: -2px; height: 8px;
  background: var(--_panel) repeating-linear-gradient(135deg, var(--_muted) 0 1.5px, transparent 1.5px 4.5px);
}
.edge { position: absolute; right: -1px; top: -4px; width: 2px; height: 12px; border-radius: 1px; background: var(--_muted); }
.edge.on { background: var(--_live); }
.knob { position: absolute; top: 12px; width: 12px; height: 12px; margin: -6px; border-radius: 50%; background: var(--_accent); box-shadow: 0 0 0 2px var(--_panel); pointer-events: none; }
.ticks { position: absolute; inset: 0 0 auto 0; height: 22px; contain: layout style; pointer-events: none; }
.tick, .span { pointer-events: auto; }
.tick { position: absolute; left: -1px; top: 3px; width: 2px; height: 16px; background: var(--kind); }
.tick::before, .sign { content: ''; position: absolute; left: -2px; top: -2px; width: 6px; height: 6px; background: var(--kind); border-radius: 50%; }
:is(.tick, .sign)[data-shape='square'], .tick[data-shape='square']::before { border-radius: 0; }
.tick[data-shape='diamond']::before { border-radius: 0; rotate: 45deg; }
.tick:is([data-note='·'])::before { height: 9px; border-radius: 2px; }
.tick:not([data-note='']):not([data-note='·'])::before {
  content: attr(data-note); left: 50%; translate: -50% 0; top: -3px; width: auto; min-width: 7px; height: 11px; padding: 0 2px; border-radius: 3px; rotate: none;
  color: #fff; font: 600 9px/11px var(--_font); text-align: center;
}
.spans { position: absolute; left: 0; right: 0; top: 20px; bottom: 2px; contain: layout style; pointer-events: none; }
.span { position: absolute; top: 0; height: 3px; border-radius: 1.5px; background: var(--kind); }
.span[data-note='open'] { border-radius: 1.5px 0 0 1.5px; mask: linear-gradient(to right, #000 calc(100% - 12px), rgb(0 0 0 / 35%)); }
.tip {
  position: absolute; bottom: calc(100% + 4px); translate: -50% 0; padding: 4px 8px; border-radius: var(--_radius); background: var(--_panel);
  width: max-content; max-width: min(340px, 100%); box-sizing: border-box; overflow-wrap: anywhere;
  pointer-events: none; font-variant-numeric: tabular-nums; text-align: center; box-shadow: 0 1px 4px rgb(0 0 0 / 30%); z-index: 1;
}
.tip span { display: block; color: var(--_muted); font-size: 11px; }
.marker-words { text-align: start; }
.marker-words strong { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.sign { position: static; display: inline-block; width: 8px; height: 8px; margin-inline-end: 6px; }
.sign[data-shape='diamond'] { border-radius: 0; rotate: 45deg; }

.timebar { position: relative; margin: 0 6px; }
.timebar .timeline { margin: 0; }
.clip-handles { position: absolute; left: 0; right: 0; top: 0; height: 22px; pointer-events: none; }
.selection { position: absolute; top: 7px; height: 10px; background: color-mix(in srgb, var(--_accent) 45%, transparent); border-block: 2px solid var(--_accent); box-sizing: border-box; }
.handle { position: absolute; top: 1px; width: 10px; height: 20px; margin-left: -5px; cursor: ew-resize; pointer-events: auto; touch-action: none; background: var(--_text); box-shadow: 0 0 0 1.5px var(--_panel); }
.handle::after { content: ''; position: absolute; inset: 5px 4px; background: var(--_panel); }
.handle.in { border-radius: 4px 0 0 4px; margin-left: -10px; }
.handle.out { border-radius: 0 4px 4px 0; margin-left: 0; }
.handle:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
.clip { flex-wrap: wrap; gap: 4px 6px; padding: 2px 6px 4px; }
.clip-text { font-variant-numeric: tabular-nums; }
.clip-links { display: flex; flex-wrap: wrap; gap: 4px; }
.clip .close { height: 26px; }

.boxes { position: absolute; inset: 0; pointer-events: none; }
.boxes[data-own='false'] rect { stroke-dasharray: 6 3; }
.boxes svg { width: 100%; height: 100%; fill: none; overflow: hidden; }
.boxes rect { fill: none; stroke-width: calc(2px / var(--_zoom, 1)); vector-effect: non-scaling-stroke; }
.boxes text { fill: #fff; font-family: var(--_font); font-weight: 600; paint-order: stroke; stroke-linejoin: round; }
.values {
  position: absolute; top: 8px; right: 8px; margin: 0; display: flex; flex-direction: column; align-items: stretch; gap: 4px; pointer-events: none;
  max-width: 45%; max-height: calc(100% - 90px); overflow: hidden; font-variant-numeric: tabular-nums;
}
.values > div { padding: 2px 8px; border-radius: var(--_radius); background: var(--_panel); text-align: end; }
.values dt { font-size: 11px; line-height: 1.3; overflow-wrap: anywhere; }
.values dd { font-size: 15px; line-height: 1.25; font-weight: 600; }

.marker-form {
  position: absolute; inset: auto 8px 84px; margin: 0 auto; width: min(360px, calc(100% - 16px)); max-height: calc(100% - 16px); overflow: auto; padding: 10px 12px; box-sizing: border-box;
  border-radius: var(--_radius); background: var(--_panel); box-shadow: 0 2px 10px rgb(0 0 0 / 35%); display: grid; gap: 8px; z-index: 2;
}
.marker-form label { display: grid; grid-template-columns: 48px 1fr; align-items: center; gap: 8px; color: var(--_muted); }
.marker-form strong { font-variant-numeric: tabular-nums; }
.marker-form .row { gap: 6px; }
input {
  font: inherit; color: var(--_text); background: color-mix(in srgb, var(--_text) 8%, transparent); border: 1px solid var(--_line); border-radius: 4px;
  height: 30px; padding: 0 8px; min-width: 0; box-sizing: border-box; user-select: text; -webkit-user-select: text;
}
input:focus-visible { outline: 2px solid var(--_accent); outline-offset: 0; }
.problem { margin: 0; color: var(--_live); overflow-wrap: anywhere; }
a.close { display: inline-flex; align-items: center; justify-content: center; color: inherit; text-decoration: none; border-radius: var(--_radius); }
a.close:hover { background: color-mix(in srgb, var(--_text) 14%, transparent); }
a.close:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
.primary { border-color: var(--_accent) !important; font-weight: 600; }
button[aria-pressed='true'] { background: color-mix(in srgb, var(--_accent) 30%, transparent); }

.stats {
  position: absolute; top: 8px; left: 8px; margin: 0; padding: 8px 12px; border-radius: var(--_radius); background: var(--_panel);
  font-size: 12px; font-variant-numeric: tabular-nums; max-width: min(460px, calc(100% - 16px)); max-height: calc(100% - 90px); overflow: auto; box-sizing: border-box; user-select: text; -webkit-user-select: text;
}
.stats dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 12px; margin: 0; }
.stats > button { margin-top: 6px; }
.stats .quality { display: grid; gap: 2px; margin-top: 6px; }
.stats select { font: inherit; color: inherit; background: var(--_panel); border: 1px solid var(--_line); border-radius: var(--_radius); padding: 3px 6px; max-width: 100%; }
.stats select:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
.graded { display: flex; flex-wrap: wrap; gap: 0 12px; }
.hud {
  position: absolute; top: 8px; left: 8px; max-width: calc(100% - 16px); box-sizing: border-box; padding: 2px 8px; border-radius: var(--_radius); background: var(--_panel);
  display: flex; gap: 0 12px; overflow: hidden; white-space: nowrap; font-size: 12px; font-variant-numeric: tabular-nums; pointer-events: none;
}
.hud { contain: content; }
.hud span:empty { display: none; }
.hud:has(~ .stats:not([hidden])) { display: none; }
.hud:not([hidden]) ~ .values { top: 36px; }
[data-grade] { font-weight: 600; }
[data-grade='good'] { color: var(--_good); }
[data-grade='fair'] { color: var(--_fair); }
[data-grade='slow'] { color: var(--_slow); }
dt { color: var(--_muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.help {
  position: absolute; inset: 0; margin: auto; width: fit-content; height: fit-content; max-width: calc(100% - 24px); max-height: calc(100% - 24px); overflow: auto;
  padding: 12px 18px; border-radius: var(--_radius); background: var(--_panel); box-sizing: border-box;
}
:is(.help, .marker-form, .tip) { backdrop-filter: blur(10px); -webkit-backdrop-filter: blur(10px); }
.help dl { display: grid; grid-template-columns: auto auto; gap: 4px 14px; margin: 0 0 8px; align-items: baseline; }
.doctor {
  width: min(680px, calc(100vw - 24px)); max-width: none; max-height: min(720px, calc(100vh - 24px)); box-sizing: border-box; overflow: auto; padding: 14px 18px;
  border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_solid); color: var(--_text); font: 13px/1.45 var(--_font);
  user-select: text; -webkit-user-select: text; cursor: auto;
}
.doctor::backdrop { background: rgb(0 0 0 / 45%); }
.doctor h2 { font-size: 17px; margin: 0; }
.doctor h3 { font-size: 13px; margin: 12px 0 2px; }
.doctor ul { margin: 0; padding-inline-start: 18px; color: var(--_muted); overflow-wrap: anywhere; }
.doctor p { margin: 2px 0; overflow-wrap: anywhere; }
.doctor-summary { font-weight: 600; }
.doctor-rows { list-style: none; margin: 8px 0 0; padding: 0; display: grid; gap: 8px; }
.doctor-rows li { display: grid; grid-template-columns: 20px minmax(0, 1fr); gap: 6px; }
.doctor-sign { font-weight: 700; text-align: center; }
.doctor-word { color: var(--_muted); margin-inline-start: 8px; }
.doctor-rows :is([data-verdict='waiting'], [data-verdict='skipped']) { color: var(--_muted); }
.doctor-rows [data-verdict='ok'] .doctor-sign { color: var(--_good); }
.doctor-rows [data-verdict='limited'] :is(.doctor-sign, .doctor-word) { color: var(--_fair); }
.doctor-rows [data-verdict='failed'] :is(.doctor-sign, .doctor-word) { color: var(--_slow); }
.doctor :is(pre, textarea) {
  margin: 4px 0; padding: 6px 10px; border: 1px solid var(--_line); border-radius: 4px; background: color-mix(in srgb, var(--_text) 7%, transparent); color: inherit;
  font: 12px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; width: 100%; box-sizing: border-box;
}
.doctor :is(pre, textarea):focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
.doctor .row { margin-top: 12px; gap: 6px; position: sticky; bottom: -14px; padding: 8px 0; background: var(--_solid); }
kbd { font: 600 12px var(--_font); padding: 1px 6px; border: 1px solid var(--_line); border-radius: 4px; white-space: nowrap; }
.close { border: 1px solid var(--_line); padding: 0 12px; }

.badge {
  position: absolute; top: 8px; left: 8px; margin: 0; padding: 1px 7px; border-radius: var(--_radius); background: var(--_panel); font-size: 11px; font-weight: 600;
  pointer-events: none; max-width: calc(100% - 16px); box-sizing: border-box;
}
.badge[data-lossy='true'] { color: var(--_fair); }
.hud:not([hidden]) ~ .badge { top: 36px; }

.stage.pixels .picture { image-rendering: pixelated; }
.stage.drawing { cursor: crosshair; }
.picture-layer { position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none; overflow: hidden; fill: none; }
.linked-cursor { stroke: #fff; stroke-width: calc(1px / var(--_zoom, 1)); vector-effect: non-scaling-stroke; mix-blend-mode: difference; }
.probe { pointer-events: auto; filter: drop-shadow(0 0 1px #000) drop-shadow(0 0 1px #000); }
.probe-line { stroke: #ffd54a; stroke-width: calc(2px / var(--_zoom, 1)); vector-effect: non-scaling-stroke; cursor: move; pointer-events: stroke; }
.probe-handle { stroke: #ffd54a; stroke-width: calc(12px / var(--_zoom, 1)); stroke-linecap: round; vector-effect: non-scaling-stroke; cursor: grab; pointer-events: stroke; outline: none; }
.probe-handle:focus-visible { stroke: #fff; stroke-width: calc(16px / var(--_zoom, 1)); }
.levels {
  position: absolute; top: 8px; right: 8px; width: 276px; max-width: calc(100% - 16px); max-height: calc(100% - 76px); overflow: auto; box-sizing: border-box;
  padding: 8px 10px; border-radius: var(--_radius); background: linear-gradient(var(--_panel), var(--_panel)), var(--_panel); font-size: 12px; font-variant-numeric: tabular-nums;
}
.levels p { margin: 0; }
.levels canvas { display: block; width: 100%; height: 72px; margin: 6px 0; cursor: ew-resize; touch-action: none; border-bottom: 1px solid var(--_line); }
.levels .depth { font-weight: 600; }
.levels .value { color: var(--_muted); min-height: 1.4em; }
.levels .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 8px; }
.levels .fields label { display: grid; grid-template-columns: 44px 1fr; align-items: center; gap: 6px; color: var(--_muted); }
.levels :is(input[type='number'], select) { height: 26px; padding: 0 4px; width: 100%; }
.levels .checks { display: flex; flex-wrap: wrap; gap: 2px 12px; margin: 6px 0 4px; }
.levels .check { display: flex; align-items: center; gap: 5px; }
.levels .check input { height: 14px; width: 14px; margin: 0; accent-color: var(--_accent); }
.levels .tools { display: flex; gap: 4px; margin-top: 6px; }
.small { height: 26px; padding: 0 8px; font-size: 12px; }
.probe-title { font-weight: 600; margin-top: 8px !important; }
.probe-text { color: var(--_muted); overflow-wrap: anywhere; }
.plot { width: 100%; height: 64px; margin: 4px 0 2px; border-bottom: 1px solid var(--_line); fill: none; }
.plot-line { stroke: var(--_accent); stroke-width: 1.5px; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.plot-band { fill: color-mix(in srgb, var(--_accent) 25%, transparent); }
.presets { margin-top: 6px; border-top: 1px solid var(--_line); padding-top: 4px; }
.presets summary { cursor: pointer; padding: 2px 0; font-weight: 600; }
.presets summary:focus-visible { outline: 2px solid var(--_accent); outline-offset: 1px; }
.preset-row { display: flex; gap: 4px; margin-top: 4px; }
.preset-row :is(select, input) { flex: 1; min-width: 0; height: 26px; }
select { font: inherit; color: var(--_text); background: var(--_panel); border: 1px solid var(--_line); border-radius: 4px; box-sizing: border-box; }
select:focus-visible { outline: 2px solid var(--_accent); outline-offset: 0; }
.scale-bar {
  position: absolute; left: 14px; bottom: 92px; padding-bottom: 2px; border-bottom: 3px solid #fff; color: #fff; font-weight: 600; text-align: center;
  white-space: nowrap; pointer-events: none; text-shadow: 0 0 3px #000, 0 0 3px #000; filter: drop-shadow(0 0 1px #000);
}

@container sluice-player (max-width: 560px) {
  .volume, .sound-level { display: none; }
  .sound-hint { top: 6px; right: 6px; }
  .clock { display: none; }
  .controls { inset: auto 4px 4px 4px; padding: 2px 3px; }
  .message[data-state='stalled'] { bottom: 66px; }
  .stats { font-size: 11px; padding: 4px 8px; }
  .hud { font-size: 11px; gap: 0 8px; padding: 1px 6px; flex-wrap: wrap; }
  .hud-size, .hud-bits { display: none; }
  .clip-links { order: 1; flex-basis: 100%; }
  .clip .close { padding: 0 7px; font-size: 12px; }
  .levels { inset: auto 4px 86px; width: auto; max-width: none; max-height: 44%; }
  .levels canvas { height: 44px; margin: 3px 0; }
  .levels .fields { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .levels .fields label { grid-template-columns: 1fr; gap: 0; }
  .marker-form { inset: auto 4px 4px; width: calc(100% - 8px); max-height: calc(100% - 8px); gap: 5px; padding: 6px 10px; }
  .marker-form input, .marker-form button { height: 28px; }
}
@container sluice-player (max-width: 440px) {
  [part~='help-button'], [part~='stats-button'], [part~='link-button'] { display: none; }
  .values dd { font-size: 13px; }
}
@container sluice-player (max-width: 330px) {
  [part~='values-button'], [part~='back-button'], [part~='forward-button'] { display: none; }
}
`;
