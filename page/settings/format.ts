import type { Language } from './texts.ts';

/** Numbers as people of a language read them. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const RATE_UNITS = ['B/s', 'kB/s', 'MB/s', 'GB/s', 'TB/s'];

/** What a figure is measured in: by the lab, which knows each of them. */
export type Unit = 'seconds' | 'bytes' | 'bytes/s' | 'count';

export class Format {
  readonly #language: Language;

  constructor(language: Language) {
    this.#language = language;
  }

  number(value: number, maxDigits = 3): string {
    return new Intl.NumberFormat(this.#language, { maximumFractionDigits: maxDigits }).format(value);
  }

  /** With three digits or so: 4.52, 45.2, 452. */
  #short(value: number): string {
    return this.number(value, value < 10 ? 2 : value < 100 ? 1 : 0);
  }

  seconds(value: number): string {
    if (value < 1) return `${this.number(value * 1000, value < 0.01 ? 1 : 0)} ms`;
    return value < 120 ? `${this.#short(value)} s` : `${this.number(value / 60, 1)} min`;
  }

  bytes(value: number): string {
    return this.#scaled(value, 1024, BYTE_UNITS);
  }

  rate(bytesPerSecond: number): string {
    return this.#scaled(bytesPerSecond, 1000, RATE_UNITS);
  }

  percent(ratio: number): string {
    return new Intl.NumberFormat(this.#language, { style: 'percent', maximumFractionDigits: 1 }).format(ratio);
  }

  /** @param iso as in `startedAt` */
  moment(iso: string): string {
    const options = { dateStyle: 'medium', timeStyle: 'medium' } as const;
    return new Intl.DateTimeFormat(this.#language, options).format(new Date(iso));
  }

  in(unit: Unit, value: number): string {
    if (unit === 'seconds') return this.seconds(value);
    if (unit === 'bytes') return this.bytes(value);
    return unit === 'bytes/s' ? this.rate(value) : this.number(value, 4);
  }

  #scaled(value: number, step: number, units: readonly string[]): string {
    let [scaled, unit] = [value, 0];
    while (scaled >= step && unit < units.length - 1) [scaled, unit] = [scaled / step, unit + 1];
    return `${unit === 0 ? this.number(scaled, 0) : this.#short(scaled)} ${units[unit]}`;
  }
}
