// What people do with markers: go to them, from one to the next, make them by hand.
import type { Marker } from '../api/timeline.ts';
import { MarkerForm } from './marker-form.ts';
import { markerText } from './marker-look.ts';
import type { Player } from './player.ts';
import type { PlayerTimeline } from './player-timeline.ts';

export interface MarkerActionsOptions {
  readonly player: () => Player | undefined;
  readonly timeline: () => PlayerTimeline | undefined;
  readonly tell: (text: string) => void;
  /** For screen readers alone. */
  readonly say: (text: string) => void;
  /** Shows a marker's words at its place on the bar. */
  readonly point: (marker: Marker) => void;
  /** Ends whatever other movement there is. */
  readonly leave: () => void;
  /** The marker's frame is on the screen. */
  readonly onDone: () => void;
  readonly onError: (error: unknown) => void;
  /** The form was closed. */
  readonly onClose: () => void;
  /** Whether this viewer may only watch. */
  readonly onRights: (viewOnly: boolean) => void;
}

const VIEW_ONLY = 'Your access to this stream is for watching only: markers need the token for everything.';

export class MarkerActions {
  readonly form: MarkerForm;
  readonly #options: MarkerActionsOptions;
  #viewOnly = false;

  constructor(options: MarkerActionsOptions) {
    this.#options = options;
    this.form = new MarkerForm({
      timeline: options.timeline,
      tell: options.tell,
      onClose: options.onClose,
      onForbidden: () => {
        this.#setRights(true);
        return VIEW_ONLY;
      },
    });
  }

  /** For another stream: closes the form and asks what this viewer may do. */
  reset(): void {
    const { player, timeline } = this.#options;
    const of = player();
    this.form.close();
    this.#setRights(false);
    timeline()
      ?.api.rights(AbortSignal.timeout(10_000))
      .then(
        (rights) => {
          if (of === player() && rights === 'view') this.#setRights(true);
        },
        // Then a refusal says so.
        () => {},
      );
  }

  /** Goes to exactly the frame of a marker. */
  goTo(marker: Marker): void {
    const { player, leave, onDone, onError } = this.#options;
    const on = player();
    if (!on) return;
    leave();
    const seek = marker.frame === null ? on.seekTime(marker.timestamp) : on.seekFrame(marker.frame);
    seek.then(onDone, onError);
  }

  /** To the marker after (1) or before (-1) the shown frame. */
  jump(step: 1 | -1): void {
    const { timeline, tell, say, point } = this.#options;
    const marker = timeline()?.neighbour(step);
    if (!marker) {
      tell(step === 1 ? 'There is no marker after this frame.' : 'There is no marker before this frame in what is kept.');
      return;
    }
    this.goTo(marker);
    say(markerText(marker));
    point(marker);
  }

  /** Opens the form for the shown frame. `span`: ends the open span, or begins one. */
  add(span: boolean): void {
    const { player, timeline, tell } = this.#options;
    const frame = player()?.shownFrame;
    if (this.#viewOnly) tell(VIEW_ONLY);
    else if (!frame) tell('There is no frame on the screen yet.');
    else {
      const open = span ? timeline()?.openSpan() : null;
      if (open) void this.form.end(open, frame);
      else this.form.show(frame, span);
    }
  }

  #setRights(viewOnly: boolean): void {
    this.#viewOnly = viewOnly;
    this.#options.onRights(viewOnly);
  }
}
