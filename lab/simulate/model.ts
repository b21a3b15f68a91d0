import type { choosePiece } from '../../images/peer/choosers/choose-piece.ts';

/** A peer that is simulated, as the scenario has it. */
export interface ModelPeer {
  /** Those of one group are told of together. */
  readonly group: string;
  /** Bytes a second. */
  readonly upload: number;
  /** Bytes a second; without a limit undefined. */
  readonly download: number | undefined;
  /** It has the file from the start. */
  readonly isSeeder: boolean;
  /** When it begins to fetch. */
  readonly arrivesMs: number;
  /** Those who give come first. */
  readonly reciprocity: boolean;
}

/** A crowd that wants one file, and how it is to be looked at. */
export interface Model {
  readonly peers: readonly ModelPeer[];
  readonly sizeBytes: number;
  readonly pieceSizeBytes: number;
  /** From one peer to another, and what a program needs to answer: for each message. */
  readonly latencyMs: number;
  /** Those who have the file from the start leave as soon as each piece is out once. */
  readonly seederLeaves: boolean;
  /** A seeder names a piece that it has not sent yet, with each turn. */
  readonly suggests: boolean;
  readonly seed: number;
  readonly choose: typeof choosePiece;
}

export function piecesOf({ sizeBytes, pieceSizeBytes }: Pick<Model, 'sizeBytes' | 'pieceSizeBytes'>): number {
  return Math.ceil(sizeBytes / pieceSizeBytes);
}
