import type { Instance, Scene } from '../../model/scene.ts';
import { receiverOf } from '../../model/scene.ts';

/**
 * Who has which part of all content: files, by name, side by side. Which pieces of a file a peer has is not told while it fetches it;
 * how many of its bytes have come is, by the peer's own counter.
 */
export interface Segment {
  /** Of all content. */
  readonly share: number;
  /** Of the segment, from 0 to 1. */
  readonly whole: number;
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

  constructor({ instances, underWay }: Scene) {
    const sizes = new Map<string, number>();
    for (const { files } of instances.values())
      for (const [name, size] of files) sizes.set(name, Math.max(1, size, sizes.get(name) ?? 0));
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

  of({ name, files, received, values }: Instance): Segment[] {
    const fetching = (this.#underWay.get(name) ?? []).filter((file) => !files.has(file));
    const comingBytes = Math.max(0, (values[RECEIVED] ?? 0) - received);
    return this.#contents.map(({ bytes, files: some, sizes }) => {
      let [whole, wanted] = [0, 0];
      for (const file of some) {
        if (files.has(file)) whole += sizes.get(file) as number;
        else if (fetching.includes(file)) wanted += sizes.get(file) as number;
      }
      const coming = Math.min(wanted, fetching.length === 0 ? 0 : comingBytes / fetching.length);
      return { share: bytes / this.#total, whole: whole / bytes, coming: coming / bytes };
    });
  }

  /** The part of all content that is there whole, from 0 to 1. */
  partOf(instance: Instance): number {
    return this.of(instance).reduce((sum, { share, whole }) => sum + share * whole, 0);
  }
}
