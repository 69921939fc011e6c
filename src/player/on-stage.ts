// Which session's picture is on the stage: one stays there until the next one has a picture of its own, and only then is freed.
import type { Session } from './session.ts';
import type { Stage } from './stage.ts';

export class OnStage {
  readonly #stage: Stage;
  /** Not in use any more, but its picture is still on the stage. */
  #before: Session | null = null;
  /** On the stage before it had a picture. */
  #offered: Session | null = null;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** The first one is there from the start: some browsers name no pictures of a <video> that is not in the document. */
  offer(session: Session): void {
    if (this.#stage.picture || !session.transport) return;
    this.#stage.show(session.transport.picture);
    this.#offered = session;
  }

  /** Puts its picture on the stage. */
  show(session: Session | null): void {
    const picture = session?.transport?.picture;
    if (!picture || this.#stage.picture === picture) return;
    this.#stage.show(picture);
    const offered = this.#offered;
    this.#offered = null;
    // A <video> that leaves the document is paused (HTML "removing steps" of media elements): one that is still to take over plays on.
    if (offered && offered !== session) setTimeout(() => goOn(offered));
    goOn(session);
    this.#free('');
  }

  /** It is in use no more: freed at once, or when there is another picture on the stage. */
  retire(session: Session, why = ''): void {
    session.halt({ left: why });
    if (!this.#stage.picture || this.#stage.picture !== session.transport?.picture) return session.close(why);
    if (this.#before !== session) this.#free('');
    this.#before = session;
  }

  /** A still stays of what was there; it is freed with everything behind it. */
  freeze(session: Session): void {
    this.#stage.freeze();
    session.close('');
    this.#free('');
  }

  close(why: string): void {
    this.#free(why);
  }

  #free(why: string): void {
    this.#before?.close(why);
    this.#before = null;
  }
}

function goOn(session: Session): void {
  const picture = session.transport?.picture;
  if (session.halted || session.back || !(picture instanceof HTMLVideoElement) || !picture.paused) return;
  picture.play().catch(() => {});
}
