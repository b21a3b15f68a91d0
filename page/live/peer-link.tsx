import { Name } from '../parts/foreign.tsx';

export interface PeerLinkProps {
  readonly name: string;
  readonly picked: string | undefined;
  readonly onPick: (name: string) => void;
}

/** The name of a peer: it picks the peer, and leads to the drawing, beside which the panel tells of it. */
export function PeerLink({ name, picked, onPick }: PeerLinkProps) {
  return (
    <button
      type="button"
      class="as-link"
      aria-pressed={name === picked}
      onClick={() => {
        onPick(name);
        document.getElementById('network')?.scrollIntoView();
      }}
    >
      <Name text={name} />
    </button>
  );
}
