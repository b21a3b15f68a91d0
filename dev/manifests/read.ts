import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';

/** A manifest, as far as the rules look into it: what is not there is `undefined`, whatever the schema says of it. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes are Kubernetes' own, and each rule looks at another part of them.
export type Tree = any;

export interface Manifest {
  readonly file: string;
  readonly kind: string;
  readonly name: string;
  readonly tree: Tree;
}

export interface Container {
  /** `StatefulSet/peers: container peer` */
  readonly about: string;
  readonly isInit: boolean;
  readonly tree: Tree;
}

/** A template of pods, with the object that it belongs to. */
export interface PodTemplate {
  readonly about: string;
  readonly owner: Manifest;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Tree;
  readonly containers: readonly Container[];
}

/** All objects of a folder, in the order in which kubectl applies them. */
export function readManifests(folder: string): Manifest[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file) => manifestsOf(readFileSync(path.join(folder, file), 'utf8'), file));
}

export function manifestsOf(text: string, file: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0]?.message}`);
    const tree: Tree = document.toJS();
    return { file, kind: tree.kind, name: tree.metadata?.name, tree };
  });
}

export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap((owner) => {
    const { spec } = owner.tree;
    const template: Tree = owner.kind === 'CronJob' ? spec.jobTemplate.spec.template : spec?.template;
    if (template?.spec?.containers === undefined) return [];
    const about = `${owner.kind}/${owner.name}`;
    const all = (list: Tree[] | undefined, isInit: boolean): Container[] =>
      (list ?? []).map((tree) => ({ about: `${about}: container ${tree.name}`, isInit, tree }));
    return {
      about,
      owner,
      labels: template.metadata?.labels ?? {},
      spec: template.spec,
      containers: [...all(template.spec.initContainers, true), ...all(template.spec.containers, false)],
    };
  });
}
