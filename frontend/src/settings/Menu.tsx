import * as Popover from '@radix-ui/react-popover';
import { CopyButton } from '../components/CopyButton';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { LogOut } from '../login/LogOut';
import type { MessageKey } from '../shared/messages/en';
import { isLanguage, LANGUAGE_NAMES, LANGUAGES } from '../shared/messages/language';
import { t } from '../shared/messages/text';
import { type Theme, THEMES } from './theme';
import { useChosenLanguage, useSettings, useTheme } from './useSettings';
import './settings.css';

const THEME_NAMES: Record<Theme, MessageKey> = { auto: 'themeAuto', light: 'themeLight', dark: 'themeDark' };

interface MenuProps {
  /** Shows the keyboard shortcuts. */
  onShortcuts: () => void;
}

/** Language, colours, the link of the present view, the shortcuts and the log-out. */
export function Menu({ onShortcuts }: MenuProps) {
  const settings = useSettings();
  const language = useChosenLanguage();
  const theme = useTheme();
  return (
    <Popover.Root>
      <Popover.Trigger className="button icon-button menu-button" aria-label={t('menu')} title={t('menu')}>
        <Icon name="menu" />
      </Popover.Trigger>
      <PopoverPanel className="menu" aria-label={t('menu')}>
        <label>
          <span>{t('language')}</span>
          <select
            className="select"
            value={language ?? ''}
            onChange={({ target: { value } }) => settings.setLanguage(isLanguage(value) ? value : null)}
          >
            <option value="">{t('languageAuto')}</option>
            {LANGUAGES.map((one) => (
              <option key={one} value={one} lang={one}>
                {LANGUAGE_NAMES[one]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t('theme')}</span>
          <select
            className="select"
            value={theme}
            onChange={({ target: { value } }) => settings.setTheme(value as Theme)}
          >
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {t(THEME_NAMES[one])}
              </option>
            ))}
          </select>
        </label>
        <CopyButton text={() => window.location.href} label={t('copyLink')} />
        <Popover.Close className="button" onClick={onShortcuts}>
          {t('shortcuts')}
          <kbd>?</kbd>
        </Popover.Close>
        <LogOut />
      </PopoverPanel>
    </Popover.Root>
  );
}
