import { Fragment, memo } from 'react';
import type { Column } from '../address/query';
import { Age } from '../components/Age';
import { CopyButton } from '../components/CopyButton';
import type { DepartureReason } from '../feed/change';
import type { Page, Session } from '../feed/frame';
import { NOTHING } from '../shared/format';
import { mailtoUrl, telUrl, websiteUrl } from '../shared/links';
import { t } from '../shared/messages/text';
import { originOf } from '../shared/origin';
import { pathOf } from '../shared/pageAddress';
import { WatchButton } from '../watch/WatchButton';
import { classOf } from './columns';

/** Lines of text in a row; the details show the rest. */
const LINES = 2;

interface VisitorRowProps {
  session: Session;
  columns: readonly Column[];
  /** Whether the row is a card, which no headings stand above. */
  asCard?: boolean;
  /** Why the visitor has left, while the row is still shown. */
  left?: DepartureReason | null;
}

/** The cells of a visitor's row. They render again only when the session changes; ages update themselves. */
export const VisitorRow = memo(function VisitorRow({
  session,
  columns,
  asCard = false,
  left = null,
}: VisitorRowProps) {
  return columns.map((column) => (
    <div key={column} role="gridcell" className={classOf(column)}>
      <Content column={column} session={session} asCard={asCard} left={left} />
    </div>
  ));
});

interface ContentProps {
  column: Column;
  session: Session;
  asCard: boolean;
  left: DepartureReason | null;
}

function Content({ column, session, asCard, left }: ContentProps) {
  switch (column) {
    case 'contact':
      return <ContactLines session={session} />;
    case 'company':
      return <CompanyLines session={session} />;
    case 'page':
      return session.page && <PageLines page={session.page} />;
    case 'email':
      return <Links texts={session.contact?.emailAddresses ?? []} urlOf={mailtoUrl} />;
    case 'phone':
      return <Links texts={session.contact?.phoneNumbers ?? []} urlOf={telUrl} />;
    case 'place':
      return <Origin session={session} />;
    case 'ip':
      return <Ip ip={session.ip} />;
    case 'opened':
      return <Age since={session.openedAt} phrase={asCard ? 'cardOpened' : undefined} />;
    case 'active':
      if (left === null) {
        return <Age since={session.lastActivityAt} phrase={asCard ? 'cardActive' : undefined} />;
      }
      return <span className="left-mark">{t(left === 'stale' ? 'inactiveMark' : 'leftMark')}</span>;
  }
}

/** The visitor's name and title; for somebody without a name, what is known instead. */
function ContactLines({ session }: { session: Session }) {
  const { contact, company, unidentified = false } = session;
  if (contact === null) {
    const unknown = company ? 'nameUnknown' : unidentified ? 'notIdentifiedYet' : 'notIdentified';
    return <span className="line unknown">{t(unknown)}</span>;
  }
  return (
    <>
      <span className="line strong" dir="auto" translate="no" title={contact.name}>
        {contact.name}
      </span>
      {contact.title !== undefined && (
        <span className="line quiet" dir="auto" title={contact.title}>
          {contact.title}
        </span>
      )}
    </>
  );
}

/** The company and its domain; for a visitor without one, network and country. */
function CompanyLines({ session }: { session: Session }) {
  const { company } = session;
  if (company === null) return <Origin session={session} />;
  const href = websiteUrl(company.domain);
  return (
    <>
      <span className="line strong" dir="auto" translate="no" title={company.name}>
        {company.name}
      </span>
      {href === null ? (
        <span className="line quiet" translate="no">
          {company.domain}
        </span>
      ) : (
        <a
          className="line quiet"
          href={href}
          translate="no"
          title={company.domain}
          target="_blank"
          rel="noopener noreferrer"
          tabIndex={-1}
        >
          {company.domain}
        </a>
      )}
      <WatchButton company={company} inGrid />
    </>
  );
}

function Origin({ session }: { session: Session }) {
  const origin = originOf(session);
  if (origin === null) return <span className="line unknown">{NOTHING}</span>;
  return (
    <span className="line quiet" dir="auto" translate="no" title={origin}>
      {origin}
    </span>
  );
}

/** The title and the path, each in its own text direction. */
function PageLines({ page }: { page: Page }) {
  const path = pathOf(page.url);
  return (
    <>
      {page.title !== '' && (
        <span className="line" dir="auto" translate="no" title={page.title}>
          {page.title}
        </span>
      )}
      <span className="line quiet" dir="auto" translate="no" title={path}>
        {path}
      </span>
    </>
  );
}

/** As many links as fit, the first with a button that copies it; the last line counts the rest. */
function Links({ texts, urlOf }: { texts: string[]; urlOf: (text: string) => string | null }) {
  const [first] = texts;
  if (first === undefined) return null;
  const shown = texts.length > LINES ? texts.slice(0, LINES - 1) : texts;
  return (
    <>
      {shown.map((text, index) => (
        <MaybeLink key={index} href={urlOf(text)} text={text} />
      ))}
      {texts.length > shown.length && (
        <span className="line quiet rest" title={texts.slice(shown.length).join('\n')}>
          {t('more', { count: texts.length - shown.length })}
        </span>
      )}
      <CopyButton text={first} inRow />
    </>
  );
}

/** Not in the tab order: the details have the same links, and Tab leaves the table in one step. */
function MaybeLink({ href, text }: { href: string | null; text: string }) {
  if (href === null) {
    return (
      <span className="line" translate="no">
        {text}
      </span>
    );
  }
  return (
    <a className="line" href={href} title={text} translate="no" tabIndex={-1}>
      {text}
    </a>
  );
}

/** An IP address that may break between its groups. */
function Ip({ ip }: { ip: string }) {
  return (
    <span translate="no">
      {ip.split(/(?<=:)/).map((group, index) => (
        <Fragment key={index}>
          {group}
          <wbr />
        </Fragment>
      ))}
    </span>
  );
}
