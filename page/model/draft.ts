import type { Fault, Instance, Remark, Scene, Step } from './scene.ts';
import { newInstance } from './scene.ts';
import type { Bins } from './throughput.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Maps = 'instances' | 'names' | 'steps' | 'verbs' | 'underWay' | 'links' | 'contents' | 'faults' | 'standings';
type Owned<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;

/**
 * A scene that is being changed. What it was made from stays as it is: maps and what is in them are copied when they are touched
 * first, so what did not change is the same object before and after, and a page need not draw it again.
 */
export class Draft {
  readonly scene: Writable<Scene>;
  /** Copied since the draft was made. */
  readonly #own = new Set<unknown>();

  constructor(from: Scene) {
    this.scene = { ...from };
  }

  map<M extends Maps>(name: M): Owned<Scene[M]> {
    const own = this.own(this.scene[name] as ReadonlyMap<unknown, unknown>) as Owned<Scene[M]>;
    Object.assign(this.scene, { [name]: own });
    return own;
  }

  /** The same map, to be changed: whoever has it must have this one from now on. */
  own<K, V>(known: ReadonlyMap<K, V>): Map<K, V> {
    if (this.#own.has(known)) return known as Map<K, V>;
    const copy = new Map(known);
    this.#own.add(copy);
    return copy;
  }

  /** An instance to be changed; one that was not planned is there from now on. */
  instance(name: string): Writable<Instance> {
    const { instances } = this.scene;
    const known = instances.get(name) ?? newInstance(name);
    return this.#entry(this.map('instances'), name, known);
  }

  /** The instance of that name, or all that share the process or container of that name. */
  alike(name: string): Writable<Instance>[] {
    const { instances } = this.scene;
    if (instances.has(name)) return [this.instance(name)];
    return [...instances.values()].filter(({ host }) => host === name).map((one) => this.instance(one.name));
  }

  /** A step to be changed; rounds that nobody could plan are there when they begin. */
  step(id: string): Writable<Step> {
    const fresh = { id, label: id, began: undefined, ended: undefined, taken: false, total: 0, ok: 0, failed: 0 };
    return this.#entry(this.map('steps'), id, this.scene.steps.get(id) ?? fresh);
  }

  fault(key: string, fresh: Fault): Writable<Fault> {
    return this.#entry(this.map('faults'), key, this.scene.faults.get(key) ?? fresh);
  }

  bins(): Bins {
    const known = this.scene.throughput;
    if (this.#own.has(known)) return known as Bins;
    const copy = { binSeconds: known.binSeconds, bytes: [...known.bytes] };
    this.#own.add(copy);
    this.scene.throughput = copy;
    return copy;
  }

  remark(remark: Remark): void {
    this.scene.remarks = this.scene.remarks.with([remark]);
  }

  #entry<V extends object>(map: Map<string, V>, key: string, known: V): Writable<V> {
    if (this.#own.has(known)) return known;
    const copy: Writable<V> = { ...known };
    this.#own.add(copy);
    map.set(key, copy);
    return copy;
  }
}
