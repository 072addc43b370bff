import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Address } from './address';
import type { Query } from './query';

export const AddressContext = createContext<Address | null>(null);

/** The current query, and a function that changes parts of it. */
export function useQuery(): [query: Query, change: (part: Partial<Query>) => void] {
  const address = useContext(AddressContext);
  if (address === null) throw new Error('this component needs an AddressContext around it');
  return [useSyncExternalStore(address.subscribe, () => address.query), address.change];
}
