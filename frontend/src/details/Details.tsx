import * as Dialog from '@radix-ui/react-dialog';
import type { ReactNode } from 'react';
import { useQuery } from '../address/useQuery';
import { Age } from '../components/Age';
import { CopyButton } from '../components/CopyButton';
import { Icon } from '../components/Icon';
import type { Session } from '../feed/frame';
import { formatCount, formatTime } from '../shared/format';
import { mailtoUrl, telUrl, websiteUrl } from '../shared/links';
import { countryName } from '../shared/origin';
import { siteOf } from '../shared/pageAddress';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { WatchButton } from '../watch/WatchButton';
import { Address, Pages } from './Pages';
import { Timeline } from './Timeline';
import './details.css';

/**
 * The details of the chosen visitor, beside the table. The table stays usable; where there is no room beside it, the
 * details cover it.
 */
export function Details() {
  const [{ visitor }, change] = useQuery();
  const covering = useRowShape() === 'card';
  return (
    <Dialog.Root
      open={visitor !== null}
      modal={covering}
      onOpenChange={(open) => {
        if (!open) change({ visitor: null });
      }}
    >
      <Dialog.Content
        className="details"
        aria-describedby={undefined}
        // The focus stays in the table, unless the details cover it.
        onOpenAutoFocus={(event) => {
          if (!covering) event.preventDefault();
        }}
        onCloseAutoFocus={focusTable}
        onInteractOutside={(event) => event.preventDefault()}
      >
        <Dialog.Close className="button icon-button close" aria-label="Close the details">
          <Icon name="close" />
        </Dialog.Close>
        {visitor !== null && <Visitor guid={visitor} />}
      </Dialog.Content>
    </Dialog.Root>
  );
}

/** Moves the focus from the closed details to the table's current row, unless it is elsewhere already. */
function focusTable(event: Event): void {
  event.preventDefault();
  if (document.activeElement !== document.body) return;
  document.querySelector<HTMLElement>('[role=row][tabindex="0"]')?.focus({ preventScroll: true });
}

function Visitor({ guid }: { guid: string }) {
  const visit = useLive(({ journal }) => journal.visit(guid));
  useLive(({ journal }) => journal.visit(guid)?.version);
  const connecting = useLive(({ status }) => status.now === null);
  if (visit === null) {
    return (
      <>
        <Dialog.Title>{connecting ? 'Connecting…' : 'Not on the website'}</Dialog.Title>
        {!connecting && (
          <p className="quiet">This visitor has left, and this page has no record of the visit.</p>
        )}
      </>
    );
  }
  const { session, left } = visit;
  return (
    <>
      <Dialog.Title>{titleOf(session)}</Dialog.Title>
      {session.contact?.title !== undefined && <p className="quiet">{session.contact.title}</p>}
      {left !== null && (
        <p className="has-left" role="status">
          This visitor has left. These are the last known details.
        </p>
      )}
      <CompanyFacts session={session} />
      <Facts title="Contact">
        {session.contact?.emailAddresses.map((email, index) => (
          <Fact key={`email ${index}`} text={email} href={mailtoUrl(email)} />
        ))}
        {session.contact?.phoneNumbers.map((phone, index) => (
          <Fact key={`phone ${index}`} text={phone} href={telUrl(phone)} />
        ))}
        {isUnreachable(session) && <p className="quiet">No email address or phone number is known.</p>}
      </Facts>
      <Facts title="Session">
        <Fact text={session.ip} href={null} mono />
        <Origin session={session} />
        <Referrer session={session} />
        <dl className="times">
          <dt>On site since</dt>
          <dd>{formatTime(session.openedAt)}</dd>
          {left === null && (
            <>
              <dt>On site for</dt>
              <dd>
                <Age since={session.openedAt} />
              </dd>
              <dt>Last active</dt>
              <dd>
                <Age since={session.lastActivityAt} /> ago
              </dd>
            </>
          )}
        </dl>
      </Facts>
      {visit.pages.length > 0 && (
        <Facts title="Pages">
          <Pages visit={visit} version={visit.version} />
        </Facts>
      )}
      <Facts title="Activity">
        <Timeline visit={visit} version={visit.version} />
      </Facts>
    </>
  );
}

function titleOf({ contact, company, unidentified }: Session): string {
  if (contact) return contact.name;
  if (company) return `Visitor from ${company.name}`;
  return unidentified === true ? 'Not identified yet' : 'Unknown visitor';
}

function isUnreachable({ contact }: Session): boolean {
  return (contact?.emailAddresses.length ?? 0) + (contact?.phoneNumbers.length ?? 0) === 0;
}

function Origin({ session: { network, country } }: { session: Session }) {
  if (network === undefined && country === undefined) return null;
  return (
    <dl className="times">
      {network !== undefined && (
        <>
          <dt>Network</dt>
          <dd dir="auto" translate="no">
            {network}
          </dd>
        </>
      )}
      {country !== undefined && (
        <>
          <dt>Country</dt>
          <dd>{countryName(country)}</dd>
        </>
      )}
    </dl>
  );
}

function Referrer({ session: { referrer } }: { session: Session }) {
  if (referrer === undefined) return null;
  return (
    <dl className="times">
      <dt>Came from</dt>
      <dd dir="auto" translate="no">
        <Address url={referrer} text={siteOf(referrer)} />
      </dd>
    </dl>
  );
}

function CompanyFacts({ session: { company } }: { session: Session }) {
  const [query, change] = useQuery();
  const visitors = useLive(({ companies }) => (company ? (companies.find(company.guid)?.visitors ?? 0) : 0));
  if (company === null) return null;
  const alone = query.company === company.guid;
  return (
    <Facts title="Company">
      <div className="company-line">
        <strong>{company.name}</strong>
        <WatchButton company={company} />
      </div>
      <Fact text={company.domain} href={websiteUrl(company.domain)} elsewhere />
      <button
        type="button"
        className="link-button"
        onClick={() => change({ company: alone ? null : company.guid })}
      >
        {alone ? 'Show all companies' : `Show only its visitors (${formatCount(visitors)} here)`}
      </button>
    </Facts>
  );
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="facts">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

interface FactProps {
  text: string;
  href: string | null;
  /** Opens a new tab, and does not tell the other site where the visitor came from. */
  elsewhere?: boolean;
  mono?: boolean;
}

function Fact({ text, href, elsewhere = false, mono = false }: FactProps) {
  return (
    <div className="fact" data-mono={mono || undefined}>
      {href === null ? (
        <span>{text}</span>
      ) : (
        <a href={href} {...(elsewhere && { target: '_blank', rel: 'noopener noreferrer' })}>
          {text}
        </a>
      )}
      <CopyButton key={text} text={text} />
    </div>
  );
}
