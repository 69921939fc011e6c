// Looks of the charts. Pages change them by the custom properties of the player (--sluice-text, -text-muted, -accent, -live, -font), by
// --sluice-chart-background, --sluice-chart-grid, --sluice-series-1 to -8, and by ::part(): legend, value, time, colour-bar, plot,
// shown-line, message.
export const STYLE = `
:host {
  --_text: var(--sluice-text, #15181d);
  --_muted: var(--sluice-text-muted, #545b66);
  --_accent: var(--sluice-accent, #0b6bcb);
  --_live: var(--sluice-live, #c8231c);
  --_grid: var(--sluice-chart-grid, rgb(0 0 0 / 10%));
  --_select: rgb(0 0 0 / 9%);
  display: flex; flex-direction: column; position: relative; height: 180px; min-width: 0; overflow: hidden;
  background: var(--sluice-chart-background, transparent); color: var(--_text);
  font: 12px/1.35 var(--sluice-font, system-ui, sans-serif); font-variant-numeric: tabular-nums;
}
@media (prefers-color-scheme: dark) {
  :host {
    --_text: var(--sluice-text, #f4f5f7);
    --_muted: var(--sluice-text-muted, #b9bdc6);
    --_accent: var(--sluice-accent, #58c4ff);
    --_live: var(--sluice-live, #ff5a52);
    --_grid: var(--sluice-chart-grid, rgb(255 255 255 / 13%));
    --_select: rgb(255 255 255 / 15%);
  }
}
:host([hidden]) { display: none; }
[hidden] { display: none !important; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 0 12px; padding: 2px 8px 0 8px; flex: none; min-height: 22px; }
ul { display: flex; flex-wrap: wrap; gap: 0 12px; list-style: none; margin: 0; padding: 0; min-width: 0; }
li { display: flex; align-items: center; gap: 4px; white-space: nowrap; min-width: 0; }
li.off { opacity: 0.5; }
li.off .swatch { background: none !important; }
.legend button {
  font: inherit; color: inherit; background: none; border: 0; border-radius: 4px; padding: 2px 3px; margin: 0; cursor: pointer;
  display: inline-flex; align-items: center; gap: 5px; max-width: 16em; overflow: hidden; text-overflow: ellipsis;
}
.legend button:disabled { cursor: default; }
.legend button:not(:disabled):hover { background: color-mix(in srgb, var(--_text) 12%, transparent); }
.legend button:focus-visible, .plot:focus-visible { outline: 2px solid var(--_accent); outline-offset: -2px; }
.swatch { width: 12px; height: 3px; border-radius: 2px; flex: none; box-shadow: 0 0 0 1px var(--_grid); }
.heat .swatch { display: none; }
.value { font-weight: 600; min-width: 4.2em; text-align: right; }
.heat .value { display: none; }
.unit, .time { color: var(--_muted); }
.time { margin-inline-start: auto; white-space: nowrap; }
.colour-bar { display: inline-flex; align-items: center; gap: 5px; color: var(--_muted); }
.colour-bar canvas { width: 90px; height: 9px; border-radius: 2px; }
.plot { position: relative; flex: 1; min-height: 40px; overflow: hidden; }
.shown-line { position: absolute; top: 0; left: -1px; width: 2px; height: 100%; background: var(--_accent); pointer-events: none; will-change: translate; }
.message {
  position: absolute; inset: 0; margin: auto; width: fit-content; height: fit-content; max-width: calc(100% - 24px); padding: 4px 10px; text-align: center;
  color: var(--_muted); overflow-wrap: anywhere; pointer-events: none;
}
.message.bad { color: var(--_live); font-weight: 600; top: auto; bottom: 30px; }

.uplot, .uplot *, .uplot *::before, .uplot *::after { box-sizing: border-box; }
.uplot { width: min-content; line-height: 1.5; }
.u-wrap { position: relative; user-select: none; -webkit-user-select: none; }
.u-over, .u-under { position: absolute; }
.u-under { overflow: hidden; }
.u-over { cursor: crosshair; }
.uplot canvas { display: block; position: relative; width: 100%; height: 100%; }
.u-axis { position: absolute; }
.u-select { background: var(--_select); position: absolute; pointer-events: none; }
.u-cursor-x, .u-cursor-y { position: absolute; left: 0; top: 0; pointer-events: none; will-change: transform; }
.u-cursor-x { height: 100%; border-right: 1px dashed var(--_muted); }
.u-axis.u-off, .u-select.u-off, .u-cursor-x.u-off, .u-cursor-y.u-off, .u-cursor-pt.u-off { display: none; }
`;
