import { useEffect, useRef, useState } from 'preact/hooks';
import type { Scene } from '../model/scene.ts';
import type { FeedState } from './feed.ts';

/** Which moment of the run is shown: now, or one of the past, which may stand still or go on at some speed. */
export interface Player {
  readonly scene: Scene;
  /** Undefined: now, whatever that is. */
  readonly at: number | undefined;
  readonly isPlaying: boolean;
  readonly speed: number;
  /** The end of what is known. */
  readonly end: number;
  readonly from: number;
  seek(seconds: number): void;
  follow(): void;
  pause(): void;
  play(): void;
  setSpeed(speed: number): void;
}

export const SPEEDS = [0.1, 0.25, 1, 4, 16] as const;
/** The past is drawn so often while it is played. */
const FRAME_MS = 100;

export function usePlayer({ timeline }: Pick<FeedState, 'timeline'>): Player {
  const { latest, from } = timeline;
  const end = latest.now;
  const [at, setAt] = useState<number | undefined>();
  const [isPlaying, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(1);
  const known = useRef({ end, at });
  known.current = { end, at };
  useEffect(() => {
    if (!isPlaying) return;
    let before = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      const next = (known.current.at ?? 0) + ((now - before) / 1000) * speed;
      before = now;
      if (next < known.current.end) return setAt(next);
      setAt(undefined);
      setPlaying(false);
    }, FRAME_MS);
    return () => clearInterval(timer);
  }, [isPlaying, speed]);
  const stop = (moment: number | undefined) => {
    setPlaying(false);
    setAt(moment);
  };
  return {
    ...{ at, isPlaying, speed, end, from, setSpeed },
    scene: at === undefined ? latest : timeline.at(at),
    seek: (seconds) => {
      const moment = Math.min(end, Math.max(from, seconds));
      setAt(moment);
    },
    follow: () => stop(undefined),
    pause: () => stop(at ?? end),
    play: () => {
      // From the beginning, when it is at the end.
      if (at === undefined || at >= end) setAt(from);
      setPlaying(true);
    },
  };
}
