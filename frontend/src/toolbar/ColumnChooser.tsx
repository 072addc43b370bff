import * as Popover from '@radix-ui/react-popover';
import { COLUMNS, FIXED_COLUMNS } from '../address/query';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { useChosenColumns, useSettings } from '../settings/useSettings';
import { t } from '../shared/messages/text';
import { HEADINGS } from '../table/columns';

/** Chooses the columns of the table; this browser keeps the choice. */
export function ColumnChooser() {
  const settings = useSettings();
  const chosen = useChosenColumns();
  const choices = COLUMNS.filter((column) => !FIXED_COLUMNS.includes(column));
  return (
    <Popover.Root>
      <Popover.Trigger className="button icon-button" aria-label={t('columns')} title={t('columns')}>
        <Icon name="columns" />
      </Popover.Trigger>
      <PopoverPanel className="choices" aria-label={t('columns')}>
        {choices.map((column) => (
          <label key={column}>
            <input
              type="checkbox"
              checked={chosen.has(column)}
              onChange={({ target }) => settings.showColumn(column, target.checked)}
            />
            <span>{t(HEADINGS[column])}</span>
          </label>
        ))}
      </PopoverPanel>
    </Popover.Root>
  );
}
