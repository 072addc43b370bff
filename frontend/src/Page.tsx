import { useSyncExternalStore } from 'react';
import { App } from './App';
import { language, subscribeLanguage } from './shared/messages/language';

/** The page in the reader's language. A change of language renders it from scratch, because no text depends on a state. */
export function Page() {
  const chosen = useSyncExternalStore(subscribeLanguage, language);
  return <App key={chosen} />;
}
