import { THEMES, useSettings } from './settings.tsx';
import { LANGUAGE_NAMES, LANGUAGES } from './texts.ts';

/** Language, and light or dark. */
export function Switches() {
  const { t, language, setLanguage, theme, setTheme } = useSettings();
  return (
    <div class="switches">
      <label>
        <span class="hidden">{t('language')}</span>
        <select value={language} onChange={({ currentTarget }) => setLanguage(currentTarget.value as typeof language)}>
          {LANGUAGES.map((one) => (
            <option key={one} value={one} lang={one}>
              {LANGUAGE_NAMES[one]}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="hidden">{t('theme')}</span>
        <select value={theme} onChange={({ currentTarget }) => setTheme(currentTarget.value as typeof theme)}>
          {THEMES.map((one) => (
            <option key={one} value={one}>
              {t(`theme.${one}`)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
