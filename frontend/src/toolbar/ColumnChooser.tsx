import * as Popover from '@radix-ui/react-popover';
import { COLUMNS, FIXED_COLUMNS } from '../address/query';
import { Icon } from '../components/Icon';
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
      <Popover.Content
        className="popover choices"
        aria-label={t('columns')}
        align="end"
        sideOffset={6}
        collisionPadding={12}
      >
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
      </Popover.Content>
    </Popover.Root>
  );
}
