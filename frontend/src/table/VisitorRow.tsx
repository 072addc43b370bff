import { Fragment, memo } from 'react';
import { Age } from '../components/Age';
import type { DepartureReason } from '../feed/change';
import type { Company, Contact, Page, Session } from '../feed/frame';
import { NOTHING } from '../shared/format';
import { mailtoUrl, telUrl, websiteUrl } from '../shared/links';
import { originOf } from '../shared/origin';
import { pathOf } from '../shared/pageAddress';
import { WatchButton } from '../watch/WatchButton';

/** Lines of text in a row; the details show the rest. */
const LINES = 2;

interface VisitorRowProps {
  session: Session;
  /** Why the visitor has left, while the row is still shown. */
  left?: DepartureReason | null;
  /** Whether the table has a column of pages. */
  hasPages?: boolean;
}

/** The cells of a visitor's row. They render again only when the session changes; ages update themselves. */
export const VisitorRow = memo(function VisitorRow({
  session,
  left = null,
  hasPages = false,
}: VisitorRowProps) {
  const { company, contact, page, unidentified = false } = session;
  return (
    <>
      <div role="gridcell" className="cell company">
        {company ? (
          <CompanyLines company={company} />
        ) : (
          <>
            <span className="line unknown">{unidentified ? 'Not identified yet' : 'Unknown'}</span>
            <Origin session={session} />
          </>
        )}
      </div>
      <div role="gridcell" className="cell contact">
        {contact ? <ContactLines contact={contact} /> : <span className="line unknown">{NOTHING}</span>}
      </div>
      {hasPages && (
        <div role="gridcell" className="cell seen">
          {page && <PageLines page={page} />}
        </div>
      )}
      <div role="gridcell" className="cell email">
        <Links texts={contact?.emailAddresses ?? []} urlOf={mailtoUrl} />
      </div>
      <div role="gridcell" className="cell phone">
        <Links texts={contact?.phoneNumbers ?? []} urlOf={telUrl} />
      </div>
      <div role="gridcell" className="cell ip">
        <Ip ip={session.ip} />
      </div>
      <div role="gridcell" className="cell opened">
        <Age since={session.openedAt} />
      </div>
      <div role="gridcell" className="cell active">
        {left === null ? (
          <Age since={session.lastActivityAt} />
        ) : (
          <span className="left-mark">{left === 'stale' ? 'Inactive' : 'Left'}</span>
        )}
      </div>
    </>
  );
});

/** The network and country of an unknown visitor. */
function Origin({ session }: { session: Session }) {
  const origin = originOf(session);
  if (origin === null) return null;
  return (
    <span className="line quiet" dir="auto" translate="no" title={origin}>
      {origin}
    </span>
  );
}

function CompanyLines({ company }: { company: Company }) {
  const href = websiteUrl(company.domain);
  return (
    <>
      <span className="line strong" title={company.name}>
        {company.name}
      </span>
      {href === null ? (
        <span className="line quiet">{company.domain}</span>
      ) : (
        <a
          className="line quiet"
          href={href}
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

function ContactLines({ contact }: { contact: Contact }) {
  return (
    <>
      <span className="line" title={contact.name}>
        {contact.name}
      </span>
      {contact.title !== undefined && (
        <span className="line quiet" title={contact.title}>
          {contact.title}
        </span>
      )}
    </>
  );
}

/** The title and the path; their direction is not the page's to choose. */
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

/** As many links as fit; the last line counts the rest. */
function Links({ texts, urlOf }: { texts: string[]; urlOf: (text: string) => string | null }) {
  const shown = texts.length > LINES ? texts.slice(0, LINES - 1) : texts;
  return (
    <>
      {shown.map((text, index) => (
        <MaybeLink key={index} href={urlOf(text)} text={text} />
      ))}
      {texts.length > shown.length && (
        <span className="line quiet" title={texts.slice(shown.length).join('\n')}>
          +{texts.length - shown.length} more
        </span>
      )}
    </>
  );
}

/** Not in the tab order: the details have the same links, and Tab leaves the table in one step. */
function MaybeLink({ href, text }: { href: string | null; text: string }) {
  if (href === null) return <span className="line">{text}</span>;
  return (
    <a className="line" href={href} title={text} tabIndex={-1}>
      {text}
    </a>
  );
}

/** An IP address that may break between its groups. */
function Ip({ ip }: { ip: string }) {
  return ip.split(/(?<=:)/).map((group, index) => (
    <Fragment key={index}>
      {group}
      <wbr />
    </Fragment>
  ));
}
