import { Fragment, memo } from 'react';
import { formatDuration, formatTime, NOTHING } from './format';
import type { Company, Contact, Session } from './frame';
import { mailtoUrl, telUrl, websiteUrl } from './links';
import { useMoment } from './useLive';

/**
 * The cells of one session. They are rendered anew only when the session itself changes; its ages tick by
 * themselves.
 */
export const VisitorRow = memo(function VisitorRow({ session }: { session: Session }) {
  const { company, contact, unidentified = false } = session;
  return (
    <>
      <div role="cell" className="cell company">
        {company ? (
          <CompanyLines company={company} />
        ) : (
          <span className="unknown">{unidentified ? 'Not identified yet' : 'Unknown'}</span>
        )}
      </div>
      <div role="cell" className="cell contact">
        {contact ? <ContactLines contact={contact} /> : <span className="unknown">{NOTHING}</span>}
      </div>
      <div role="cell" className="cell emails">
        {contact?.emailAddresses.map((email, index) => (
          <MaybeLink key={index} href={mailtoUrl(email)} text={email} />
        ))}
      </div>
      <div role="cell" className="cell phones">
        {contact?.phoneNumbers.map((phone, index) => (
          <MaybeLink key={index} href={telUrl(phone)} text={phone} />
        ))}
      </div>
      <div role="cell" className="cell ip">
        <Ip ip={session.ip} />
      </div>
      <div role="cell" className="cell opened">
        <Age since={session.openedAt} />
      </div>
      <div role="cell" className="cell active">
        <Age since={session.lastActivityAt} />
      </div>
    </>
  );
});

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
        >
          {company.domain}
        </a>
      )}
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

function MaybeLink({ href, text }: { href: string | null; text: string }) {
  if (href === null) return <span className="line">{text}</span>;
  return (
    <a className="line" href={href} title={text}>
      {text}
    </a>
  );
}

/** An address that breaks, where it has to, between its groups. */
function Ip({ ip }: { ip: string }) {
  return ip.split(/(?<=:)/).map((group, index) => (
    <Fragment key={index}>
      {group}
      <wbr />
    </Fragment>
  ));
}

/** The time since `since`, in milliseconds since the epoch. */
function Age({ since }: { since: number }) {
  const age = useMoment(({ now }) => (now === null ? NOTHING : formatDuration((now - since) / 1_000)));
  return (
    <time dateTime={new Date(since).toISOString()} title={formatTime(since)}>
      {age}
    </time>
  );
}
