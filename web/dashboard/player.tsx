// The <sluice-player> element inside the page. It draws by itself; the page only hands it an address and, once, a moment to open at.
import '../../src/player/element.ts';
import type { HTMLAttributes } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { parseTimestamp } from '../../src/core/time.ts';
import type { SluicePlayer, SluicePlayerEventMap } from '../../src/player/element.ts';
import { latency } from './latency.ts';
import { base } from './store.ts';
import { showError } from './toasts.tsx';
import { player as current } from './watching.ts';

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'sluice-player': HTMLAttributes<SluicePlayer> & {
        src: string;
        controls?: boolean;
        autoplay?: boolean;
        muted?: boolean;
        transport?: string;
        link?: string;
      };
    }
  }
}

export interface PlayerProps {
  readonly stream: string;
  readonly width: number | null;
  readonly height: number | null;
  /** Opens at this frame id. */
  readonly frame: number | null;
  /** Opens at this time: µs since the Unix epoch or RFC 3339. */
  readonly t: string | null;
}

export function Player(props: PlayerProps) {
  const { stream, frame, t } = props;
  const element = useRef<SluicePlayer>(null);

  useEffect(() => {
    const player = element.current;
    if (!player) return;
    latency.clear();
    current.value = player;
    const onFrame = ({ detail: { latencyMs, repeat } }: SluicePlayerEventMap['frame']) => {
      if (latencyMs !== null && !repeat) latency.add(latencyMs, performance.now());
    };
    player.addEventListener('frame', onFrame);
    return () => {
      player.removeEventListener('frame', onFrame as EventListener);
      latency.clear();
      if (current.peek() === player) current.value = null;
    };
  }, [stream]);

  useEffect(() => {
    const player = element.current;
    if (!player || (frame === null && t === null)) return;
    let gone = false;
    const seek = async () => {
      try {
        await customElements.whenDefined('sluice-player');
        if (gone) return;
        if (frame !== null) await player.seekFrame(frame);
        else if (t !== null) await player.seekTime(parseTimestamp(t, 't'));
      } catch (error) {
        const replaced = error instanceof DOMException && error.name === 'AbortError';
        if (!gone && !replaced)
          showError(`The moment in the address cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    void seek();
    return () => {
      gone = true;
    };
  }, [stream, frame, t]);

  const ratio = props.width && props.height ? `${props.width} / ${props.height}` : '16 / 9';
  return (
    <div class="player-box" style={{ '--ratio': ratio }}>
      <sluice-player key={stream} ref={element} src={new URL(`live/${encodeURIComponent(stream)}`, base).href} controls autoplay muted />
    </div>
  );
}
