import * as Popover from '@radix-ui/react-popover';
import { type ReactNode, useEffect, useRef } from 'react';
import { COLUMNS, type SortKey } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useSort } from '../address/useSort';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { t } from '../shared/messages/text';
import { useRowShape } from '../shared/useRowShape';
import { HEADINGS } from '../table/columns';
import { ColumnChooser } from './ColumnChooser';
import { Choice } from './controls';
import { ExportButton } from './ExportButton';
import { MoreFilters, QuickFilters } from './Filters';
import './toolbar.css';

/** Search, filters, grouping, columns and export. */
export function Toolbar() {
  const narrow = useRowShape() === 'card';
  return (
    <div className="toolbar">
      <Search />
      {narrow ? (
        <FilterMenu label={t('filterAndSort')}>
          <QuickFilters />
          <MoreFilters />
          <SortChoice />
          <ExportButton />
        </FilterMenu>
      ) : (
        <>
          <QuickFilters />
          <FilterMenu label={t('filters')}>
            <MoreFilters />
            <SortChoice />
          </FilterMenu>
          <ColumnChooser />
          <ExportButton />
        </>
      )}
    </div>
  );
}

/** A button that shows filters, marked while one of those that hide behind it is on. */
function FilterMenu({ label, children }: { label: string; children: ReactNode }) {
  const [{ known, age, country, network }] = useQuery();
  const on = known !== 'all' || age !== 'any' || country !== null || network !== null;
  return (
    <Popover.Root>
      <Popover.Trigger className="button" data-on={on || undefined}>
        <Icon name="filter" />
        <span>{label}</span>
      </Popover.Trigger>
      <PopoverPanel className="filters" aria-label={label}>
        {children}
      </PopoverPanel>
    </Popover.Root>
  );
}

/** For cards, which have no column headings, and for groups, which have an order of their own. */
function SortChoice() {
  const [query] = useQuery();
  const [by, sort] = useSort();
  const keys: readonly SortKey[] = query.grouped ? ['visitors', ...COLUMNS] : COLUMNS;
  return (
    <div className="sort-choice">
      <Choice
        label={t('sortBy')}
        value={by}
        choices={keys.map((key) => [key, t(HEADINGS[key])])}
        onChoose={sort}
      />
      <button type="button" className="button" onClick={() => sort(by)}>
        {t('reverseOrder')}
      </button>
    </div>
  );
}

function Search() {
  const [query, change] = useQuery();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest('input, select, textarea') !== null;
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);
  return (
    <input
      ref={input}
      type="search"
      className="search"
      dir="auto"
      aria-label={t('searchVisitors')}
      aria-keyshortcuts="/"
      placeholder={t('searchHint')}
      value={query.search}
      onChange={({ target }) => change({ search: target.value })}
    />
  );
}
