import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useWidth } from '../../charts/use-width.ts';
import { directoriesOf, type Instance, peersOf, type Scene } from '../../model/scene.ts';
import { shortName } from '../../parts/foreign.tsx';
import { type Settings, useSettings } from '../../settings/settings.tsx';
import { conditionOf } from './condition.ts';
import { byGroup, flowsOf, rateOf } from './flows.ts';
import { type Box, type Layout, layoutOf } from './layout.ts';
import { COLOUR_NAMES, type Colours, edgesOf, paintMoving, paintStill, type Words } from './paint.ts';

/** The network as it is: who is there and how, who has what, what moves. The table of peers has the same in words. */

/** With more peers, what moves is drawn from group to group. */
const MAX_PEERS_WITH_EDGES = 320;

export interface NetworkProps {
  readonly scene: Scene;
  readonly picked: string | undefined;
  /** Whether things move: they do not in a moment that stands still. */
  readonly isMoving: boolean;
  readonly onPick: (name: string | undefined) => void;
}

export function Network({ scene, picked, isMoving, onPick }: NetworkProps) {
  const { t } = useSettings();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const groups = groupsOf(scene);
  const directories = directoriesOf(scene).map(({ name }) => name);
  const key = JSON.stringify([groups, directories]);
  const layout = useMemo(() => layoutOf(groups, directories, width), [key, width]);
  const [pointed, setPointed] = useState<string | undefined>();
  const find = (event: PointerEvent | MouseEvent) => {
    const { left, top } = box.current?.getBoundingClientRect() ?? { left: 0, top: 0 };
    return nameAt(layout, event.clientX - left, event.clientY - top);
  };
  const known = scene.instances.get(pointed ?? '');
  return (
    <figure class="network">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the table of peers is for keys */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: the table of peers is for keys */}
      <div
        ref={box}
        class={pointed ? 'canvases pointing' : 'canvases'}
        onClick={(event) => onPick(find(event))}
        onPointerMove={(event) => setPointed(find(event))}
        onPointerLeave={() => setPointed(undefined)}
      >
        <Canvases scene={scene} layout={layout} picked={picked} isMoving={isMoving} />
      </div>
      <figcaption class="note">
        {known ? `${shortName(known.name)}: ${t(`condition.${conditionOf(known, scene.stage)}`)}` : t('network.legend')}
      </figcaption>
    </figure>
  );
}

function groupsOf(scene: Scene) {
  const groups = Map.groupBy(peersOf(scene), ({ group = '' }) => group);
  return [...groups].map(([name, peers]) => ({ name, peers: peers.map((peer) => peer.name) }));
}

function nameAt({ cells, directories }: Layout, x: number, y: number): string | undefined {
  const isIn = (box: Box) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
  for (const [name, cell] of [...directories, ...cells]) if (isIn(cell)) return name;
  return undefined;
}

type CanvasesProps = Pick<NetworkProps, 'scene' | 'picked' | 'isMoving'> & { readonly layout: Layout };

function Canvases({ scene, layout, picked, isMoving }: CanvasesProps) {
  const settings = useSettings();
  const still = useRef<HTMLCanvasElement>(null);
  const moving = useRef<HTMLCanvasElement>(null);
  const [colours, probe] = useColours(settings.theme);
  const words = useMemo(() => wordsOf(settings), [settings]);
  useSize(still, layout);
  useSize(moving, layout);
  useLayoutEffect(() => {
    const to = still.current?.getContext('2d');
    if (to && colours) paintStill(to, scene, layout, { colours, words, picked });
  }, [scene, layout, colours, words, picked]);
  const edges = useMemo(() => edgesFor(scene, layout), [scene, layout]);
  useEffect(() => {
    const to = moving.current?.getContext('2d');
    if (!to || !colours) return;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches || !isMoving;
    const draw = (phase: number | undefined) => paintMoving(to, edges, layout, { colours, words, phase });
    if (calm || edges.length === 0) return draw(undefined);
    let frame = requestAnimationFrame(function next(now) {
      draw(now / 1000);
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [edges, layout, colours, words, isMoving]);
  const { t } = settings;
  const peers = peersOf(scene);
  const label = t('network.label', {
    peers: peers.length,
    in: loggedIn(scene),
    flows: scene.underWay.size,
  });
  return (
    <>
      {probe}
      <canvas ref={still} role="img" aria-label={label} />
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas can't be focused */}
      <canvas ref={moving} aria-hidden="true" class="above" />
    </>
  );
}

function edgesFor(scene: Scene, { cells, groups, width }: Layout) {
  const flows = flowsOf(scene);
  if (cells.size <= MAX_PEERS_WITH_EDGES) return edgesOf(flows, (name) => cells.get(name), width);
  const boxes = new Map<string, Box>(groups.map((box) => [box.name, box]));
  const groupOf = (name: string) => scene.instances.get(name)?.group ?? '';
  return edgesOf(byGroup(flows, groupOf), (name) => boxes.get(name), width);
}

/** As sharp as the screen is. */
function useSize(ref: RefObject<HTMLCanvasElement | null>, { width, height }: Layout): void {
  useLayoutEffect(() => {
    const canvas = ref.current;
    if (!canvas) return;
    const ratio = Math.min(2, devicePixelRatio);
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.getContext('2d')?.setTransform(ratio, 0, 0, ratio, 0, 0);
  }, [ref, width, height]);
}

/** The colours of the page, for drawings that know no style sheet. */
function useColours(theme: string) {
  const probe = useRef<HTMLSpanElement>(null);
  const [colours, setColours] = useState<Colours | undefined>();
  useEffect(() => {
    const read = () => {
      const spans = probe.current?.children;
      if (!spans) return;
      const found = COLOUR_NAMES.map((name, n) => [name, getComputedStyle(spans[n] as Element).color]);
      setColours(Object.fromEntries(found));
    };
    read();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', read);
    return () => dark.removeEventListener('change', read);
  }, [theme]);
  const spans = (
    <span ref={probe} hidden={true}>
      {COLOUR_NAMES.map((name) => (
        <span key={name} style={{ color: `var(--${name})` }} />
      ))}
    </span>
  );
  return [colours, spans] as const;
}

function wordsOf({ t, format }: Settings): Words {
  return {
    rate: (bytesPerSecond) => format.rate(bytesPerSecond),
    peer: (peer, condition, scene) => {
      const rate = rateOf(peer, scene);
      return condition === 'in' && rate > 0 ? `↓ ${format.rate(rate)}` : t(`condition.${condition}`);
    },
    group: (_, peers) => {
      const inside = peers.filter(({ loggedIn }) => loggedIn).length;
      return t('network.group', { in: format.number(inside), peers: format.number(peers.length) });
    },
    directory: ({ name, values }: Instance, scene) => {
      const [online, files] = [values.peerlab_directory_peers_online, values.peerlab_directory_files_indexed];
      // When more have logged in than it told, what it told is old.
      const note =
        typeof online === 'number' && typeof files === 'number' && online >= loggedIn(scene)
          ? t('network.directory', { peers: format.number(online), files: format.number(files) })
          : '';
      const [, number] = /-(\d+)$/.exec(name) ?? [];
      return [number === undefined ? t('directory') : `${t('directory')} ${number}`, note];
    },
  };
}

function loggedIn(scene: Scene): number {
  return peersOf(scene).filter((peer) => peer.loggedIn).length;
}

/** How fast bytes come to all peers together, by their own counters. */
export function rateOfAll(scene: Scene): number {
  return peersOf(scene).reduce((sum, peer) => sum + rateOf(peer, scene), 0);
}
