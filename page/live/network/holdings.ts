import type { Instance, Scene } from '../../model/scene.ts';
import { receiverOf } from '../../model/scene.ts';

/**
 * Who has which part of all content: files, by name, side by side. Which pieces of a file a peer has, it says itself while it fetches it;
 * where it does not, how many bytes have come is known by its counter.
 */
export interface Segment {
  /** Of all content. */
  readonly share: number;
  /** Of the segment, from 0 to 1: whole files, and pieces that are there. */
  readonly whole: number;
  /** Where the pieces are that are there, when the segment is one file: a digit for each place, from 0 to 9. */
  readonly map: string | undefined;
  /** What is on its way, from 0 to 1. */
  readonly coming: number;
}

/** More files than that are told together. */
const MAX_SEGMENTS = 32;
const RECEIVED = 'peerlab_transfer_bytes_total{direction="received"}';

interface Content {
  readonly bytes: number;
  readonly files: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

export class Holdings {
  readonly #contents: readonly Content[];
  readonly #total: number;
  readonly #underWay: ReadonlyMap<string, readonly string[]>;

  constructor({ instances, contents, underWay }: Scene) {
    const sizes = new Map<string, number>();
    const take = (name: string, size: number) => sizes.set(name, Math.max(1, size, sizes.get(name) ?? 0));
    for (const { files } of instances.values()) for (const [name, size] of files) take(name, size);
    for (const [name, { size }] of contents) take(name, size);
    const names = [...sizes.keys()].sort();
    const each = Math.max(1, Math.ceil(names.length / MAX_SEGMENTS));
    this.#contents = Array.from({ length: Math.ceil(names.length / each) }, (_, n) => {
      const files = names.slice(n * each, (n + 1) * each);
      return { files, bytes: files.reduce((sum, name) => sum + (sizes.get(name) as number), 0), sizes };
    });
    this.#total = this.#contents.reduce((sum, { bytes }) => sum + bytes, 0);
    const fetching = new Map<string, string[]>();
    for (const operation of underWay.values()) {
      const receiver = receiverOf(operation);
      if (receiver === undefined || operation.file === undefined) continue;
      fetching.set(receiver, [...(fetching.get(receiver) ?? []), operation.file]);
    }
    this.#underWay = fetching;
  }

  of({ name, files, pieces, received, values }: Instance): Segment[] {
    const fetching = (this.#underWay.get(name) ?? []).filter((file) => !files.has(file) && !pieces.has(file));
    const comingBytes = Math.max(0, (values[RECEIVED] ?? 0) - received);
    return this.#contents.map(({ bytes, files: some, sizes }) => {
      let [whole, wanted] = [0, 0];
      for (const file of some) {
        const told = pieces.get(file);
        if (files.has(file)) whole += sizes.get(file) as number;
        else if (told) whole += ((sizes.get(file) as number) * told.there) / told.pieces;
        else if (fetching.includes(file)) wanted += sizes.get(file) as number;
      }
      const coming = Math.min(wanted, fetching.length === 0 ? 0 : comingBytes / fetching.length);
      const map = some.length === 1 ? pieces.get(some[0] as string)?.map : undefined;
      return { share: bytes / this.#total, whole: whole / bytes, map, coming: coming / bytes };
    });
  }

  /** The part of all content that is there, from 0 to 1. */
  partOf(instance: Instance): number {
    return this.of(instance).reduce((sum, { share, whole }) => sum + share * whole, 0);
  }
}
