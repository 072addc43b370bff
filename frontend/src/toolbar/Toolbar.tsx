import * as Popover from '@radix-ui/react-popover';
import { useEffect, useRef } from 'react';
import { type AgeFilter, AGES, type KnownFilter, KNOWN, shownColumns, type SortKey } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useSort } from '../address/useSort';
import { CompanyFilter } from '../companies/CompanyFilter';
import { Icon } from '../components/Icon';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { HEADINGS, AGE_LABELS, KNOWN_LABELS } from '../table/columns';
import { ExportButton } from './ExportButton';
import './toolbar.css';

/** Search, filters, grouping and export. */
export function Toolbar() {
  const narrow = useRowShape() === 'card';
  return (
    <div className="toolbar">
      <Search />
      {narrow ? (
        <Popover.Root>
          <Popover.Trigger className="button">
            <Icon name="filter" />
            Filter and sort
          </Popover.Trigger>
          <Popover.Content className="popover filters" align="end" sideOffset={6} collisionPadding={12}>
            <Filters />
            <SortChoice />
            <ExportButton />
          </Popover.Content>
        </Popover.Root>
      ) : (
        <>
          <Filters />
          <ExportButton />
        </>
      )}
    </div>
  );
}

function Filters() {
  const [query, change] = useQuery();
  return (
    <>
      <CompanyFilter />
      <Choice
        label="Identified"
        value={query.known}
        choices={KNOWN.map((known) => [known, KNOWN_LABELS[known]])}
        onChoose={(known: KnownFilter) => change({ known })}
      />
      <Choice
        label="Time on site"
        value={query.age}
        choices={AGES.map((age) => [age, AGE_LABELS[age]])}
        onChoose={(age: AgeFilter) => change({ age })}
      />
      <Toggle pressed={query.watched} onToggle={(watched) => change({ watched })}>
        <Icon name="star" filled={query.watched} />
        Watched
      </Toggle>
      <Toggle
        pressed={query.grouped}
        onToggle={(grouped) => change({ grouped, unfolded: new Set(), sort: null })}
      >
        Group by company
      </Toggle>
    </>
  );
}

/** For cards, which have no column headings. */
function SortChoice() {
  const [query] = useQuery();
  const [by, sort] = useSort();
  const hasPages = useLive(({ view }) => view.hasPages);
  const columns: [SortKey, string][] = shownColumns(hasPages).map((column) => [column, HEADINGS[column]]);
  const choices: [SortKey, string][] = query.grouped ? [['visitors', 'Visitors'], ...columns] : columns;
  return (
    <div className="sort-choice">
      <Choice label="Sort by" value={by} choices={choices} onChoose={sort} />
      <button type="button" className="button" onClick={() => sort(by)}>
        Reverse order
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
      aria-label="Search visitors"
      aria-keyshortcuts="/"
      placeholder="IP, company, domain, contact"
      value={query.search}
      onChange={({ target }) => change({ search: target.value })}
    />
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: (readonly [T, string])[];
  onChoose: (value: T) => void;
}

function Choice<T extends string>({ label, value, choices, onChoose }: ChoiceProps<T>) {
  return (
    <select
      className="select"
      aria-label={label}
      value={value}
      onChange={({ target }) => onChoose(target.value as T)}
    >
      {choices.map(([choice, text]) => (
        <option key={choice} value={choice}>
          {text}
        </option>
      ))}
    </select>
  );
}

interface ToggleProps {
  pressed: boolean;
  onToggle: (pressed: boolean) => void;
  children: React.ReactNode;
}

function Toggle({ pressed, onToggle, children }: ToggleProps) {
  return (
    <button type="button" className="button" aria-pressed={pressed} onClick={() => onToggle(!pressed)}>
      {children}
    </button>
  );
}
