import { useMemo } from 'react';
import type { Column } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useChosenColumns } from '../settings/useSettings';
import { useHasRoom } from '../shared/useHasRoom';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { defaultColumns, shownColumns } from './columns';

/** The columns to show, in their order; the same array while nothing changes. */
export function useColumns(): readonly Column[] {
  const wanted = useWantedColumns();
  const [{ grouped }] = useQuery();
  const asCards = useRowShape() === 'card';
  const hasPages = useLive(({ view }) => view.hasPages);
  return useMemo(
    () => shownColumns(wanted, grouped, asCards, hasPages),
    [wanted, grouped, asCards, hasPages],
  );
}

/** The columns that the reader has chosen, or those that fit. */
export function useWantedColumns(): ReadonlySet<Column> {
  const chosen = useChosenColumns();
  const roomy = useHasRoom();
  const hasPages = useLive(({ view }) => view.hasPages);
  return useMemo(() => chosen ?? defaultColumns(hasPages, roomy), [chosen, hasPages, roomy]);
}
