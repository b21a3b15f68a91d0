/** Quantities of Kubernetes: `250m` of a core, `64Mi` of memory. */

const SUFFIXES: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** NaN where it is none. */
export function quantity(text: unknown): number {
  const [, digits, suffix = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  return Number(digits) * (SUFFIXES[suffix] ?? Number.NaN);
}

/** As the server writes it down: another spelling would be a difference at every apply. */
export function isCanonical(text: unknown): boolean {
  const [, digits = '', suffix = ''] = /^(\d+)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  if (typeof text !== 'string' || digits === '') return false;
  if (suffix === 'm') return Number(digits) % 1000 !== 0;
  return !/^[KMG]i$/.test(suffix) || Number(digits) % 1024 !== 0;
}
