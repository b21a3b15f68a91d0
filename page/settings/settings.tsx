import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import { Format } from './format.ts';
import { LANGUAGES, type Language, TEXTS, type TextKey } from './texts.ts';

/** What whoever reads has chosen: the language, and light or dark. The browser knows both until they choose. */

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface Settings {
  readonly language: Language;
  readonly theme: Theme;
  readonly format: Format;
  /** A text of the page; `{name}` in it is replaced, and so is `{name|one|many}`, by what goes with that number. */
  t(key: TextKey, values?: Readonly<Record<string, string | number>>): string;
  setLanguage(language: Language): void;
  setTheme(theme: Theme): void;
}

const Chosen = createContext<Settings | undefined>(undefined);

export function useSettings(): Settings {
  const settings = useContext(Chosen);
  if (!settings) throw new Error('there are no settings above this part of the page');
  return settings;
}

export function SettingsProvider({ children }: { children: ComponentChildren }) {
  const [language, setLanguage] = useState<Language>(() => kept('language', LANGUAGES) ?? languageOfBrowser());
  const [theme, setTheme] = useState<Theme>(() => kept('theme', THEMES) ?? 'auto');
  useEffect(() => {
    document.documentElement.lang = language;
    keep('language', language);
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    keep('theme', theme);
  }, [theme]);
  const settings = useMemo<Settings>(() => {
    const format = new Format(language);
    return { language, theme, format, t: (key, values) => textOf(language, key, values), setLanguage, setTheme };
  }, [language, theme]);
  return <Chosen.Provider value={settings}>{children}</Chosen.Provider>;
}

const PLACE = /\{(\w+)(?:\|([^|}]+)\|([^|}]+))?\}/g;

export function textOf(
  language: Language,
  key: TextKey,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return TEXTS[key][language].replace(PLACE, (all, name: string, one?: string, many?: string) => {
    const value = values[name];
    if (value === undefined) return all;
    return one === undefined || many === undefined ? String(value) : String(value) === '1' ? one : many;
  });
}

function languageOfBrowser(): Language {
  const wanted = navigator.languages.map((tag) => tag.split('-')[0]);
  return LANGUAGES.find((language) => language === wanted.find((tag) => LANGUAGES.some((one) => one === tag))) ?? 'en';
}

/** A page from a file, or in a private window, may not be allowed to keep anything. */
function kept<T extends string>(name: string, known: readonly T[]): T | undefined {
  try {
    const value = localStorage.getItem(`peerlab-${name}`);
    return known.find((one) => one === value);
  } catch {
    return undefined;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`peerlab-${name}`, value);
  } catch {
    // Then it holds for this page only.
  }
}
