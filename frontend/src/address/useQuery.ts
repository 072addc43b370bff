import { createContext, useContext, useSyncExternalStore } from 'react';
import type { Address } from './address';
import type { Query } from './query';

export const AddressContext = createContext<Address | null>(null);

/** What the reader wants to see, and how to change it. */
export function useQuery(): [query: Query, change: (part: Partial<Query>) => void] {
  const address = useContext(AddressContext);
  if (address === null) throw new Error('this component needs an AddressContext around it');
  return [useSyncExternalStore(address.watch, () => address.query), address.change];
}
