import { t } from './shared/messages/text';

/** The page's title, with the number of visitors from watched companies. */
export function titleOf(watched: number): string {
  return watched === 0 ? t('title') : t('titleWatched', { count: watched });
}
