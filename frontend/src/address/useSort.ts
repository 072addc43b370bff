import { type SortKey, sortOf } from './query';
import { useQuery } from './useQuery';

/** What the table is sorted by, and a function that sorts it by a column, or reverses the order if it already is. */
export function useSort(): [by: SortKey, sort: (by: SortKey) => void] {
  const [query, change] = useQuery();
  const { by: current, descending } = sortOf(query);
  const sort = (by: SortKey) =>
    change({ sort: { by, descending: by === current ? !descending : by === 'visitors' } });
  return [current, sort];
}
