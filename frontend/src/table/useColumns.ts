import { useMemo } from 'react';
import type { Column } from '../address/query';
import { useQuery } from '../address/useQuery';
import { useChosenColumns } from '../settings/useSettings';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { shownColumns } from './columns';

/** The columns to show, in their order; the same array while nothing changes. */
export function useColumns(): readonly Column[] {
  const chosen = useChosenColumns();
  const [{ grouped }] = useQuery();
  const asCards = useRowShape() === 'card';
  const hasPages = useLive(({ view }) => view.hasPages);
  return useMemo(
    () => shownColumns(chosen, grouped, asCards, hasPages),
    [chosen, grouped, asCards, hasPages],
  );
}
