import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RunEvent } from '../../lab/history/run-event.ts';
import { CourseChart } from '../charts/course-chart.tsx';
import { Network } from '../live/network/network.tsx';
import { PeerPanel } from '../live/peer-panel.tsx';
import { Pieces } from '../live/pieces.tsx';
import { usePlayer } from '../live/player.ts';
import { Transport } from '../live/transport.tsx';
import type { Scene } from '../model/scene.ts';
import type { Throughput } from '../model/throughput.ts';
import { Timeline } from '../model/timeline.ts';
import { useSettings } from '../settings/settings.tsx';

export interface ReplayProps {
  /** All of them, added up. */
  readonly whole: Scene;
  readonly events: readonly RunEvent[];
}

/** How the run went: its course, and the network as it was at any moment of it, drawn as the live page draws it. */
export function Replay({ whole, events }: ReplayProps) {
  const timeline = useMemo(() => {
    const steps = new Timeline();
    steps.add(untilLastStep(events));
    return steps;
  }, [events]);
  const { t } = useSettings();
  const player = usePlayer({ timeline });
  const { scene } = player;
  const [picked, setPicked] = useState<string | undefined>();
  const peer = picked === undefined ? undefined : scene.instances.get(picked);
  // The moment when most was moved says more of a run than its end.
  useEffect(() => player.seek(peakOf(whole.throughput)), [timeline]);
  return (
    <div class="replay">
      <CourseChart scene={whole} at={player.at ?? player.end} onPick={player.seek} />
      <Transport player={player} isGoingOn={false} />
      <div class={peer ? 'split' : ''}>
        <Network scene={scene} picked={picked} isMoving={player.isPlaying} onPick={setPicked} />
        {peer && <PeerPanel scene={scene} peer={peer} isGoingOn={false} onClose={() => setPicked(undefined)} />}
      </div>
      {whole.contents.size > 0 && (
        <div class="at-a-moment">
          <h3>{t('pieces')}</h3>
          <Pieces scene={{ ...scene, contents: whole.contents }} picked={picked} onPick={setPicked} />
        </div>
      )}
    </div>
  );
}

/** What comes after it, as disks are read and instances end, is of no interest here. */
function untilLastStep(events: readonly RunEvent[]): readonly RunEvent[] {
  const end = events.findIndex(({ kind }) => kind === 'steps-ended');
  return end < 0 ? events : events.slice(0, end + 1);
}

/** The middle of the bin in which most bytes arrived. */
function peakOf({ bytes, binSeconds }: Throughput): number {
  const most = Math.max(0, ...bytes);
  return (Math.max(0, bytes.indexOf(most)) + 0.5) * binSeconds;
}
