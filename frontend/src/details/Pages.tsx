import { memo } from 'react';
import { formatClock, formatTime } from '../shared/format';
import { t } from '../shared/messages/text';
import { linkOf, pathOf } from '../shared/pageAddress';
import type { Visit } from '../store/journal';

/**
 * The pages of the website that the visitor was on while this page watched, the latest first.
 *
 * @param version changes with `visit`, which is mutated in place
 */
export const Pages = memo(function Pages({ visit }: { visit: Visit; version: number }) {
  return (
    <ol className="timeline" aria-label={t('pagesSeen')}>
      {visit.pages.toReversed().map(({ at, page }, index) => (
        <li key={index}>
          <time dateTime={new Date(at).toISOString()} title={formatTime(at)}>
            {formatClock(at)}
          </time>
          <span dir="auto" translate="no">
            {page.title !== '' && <span className="seen-title">{page.title}</span>}
            <Address url={page.url} text={pathOf(page.url)} />
          </span>
        </li>
      ))}
    </ol>
  );
});

/** A link that does not tell the other site where the reader came from, if the address is that of a website. */
export function Address({ url, text }: { url: string; text: string }) {
  const href = linkOf(url);
  if (href === null) return <span>{text}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  );
}
