import * as Dialog from '@radix-ui/react-dialog';
import type { ReactNode } from 'react';
import { useQuery } from '../address/useQuery';
import { Age } from '../components/Age';
import { CopyButton } from '../components/CopyButton';
import { Icon } from '../components/Icon';
import type { Session } from '../feed/frame';
import { addressOf } from '../shared/domain';
import { formatTime } from '../shared/format';
import { mailtoUrl, telUrl, websiteUrl } from '../shared/links';
import { t } from '../shared/messages/text';
import { countryName } from '../shared/origin';
import { siteOf } from '../shared/pageAddress';
import { useRowShape } from '../shared/useRowShape';
import { useLive } from '../store/useLive';
import { WatchButton } from '../watch/WatchButton';
import { Address, Pages } from './Pages';
import { Timeline } from './Timeline';
import './details.css';

/**
 * The details of the chosen visitor, beside the table. The table stays usable; if there is no room beside it, the
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
        <Dialog.Close className="button icon-button close" aria-label={t('closeDetails')}>
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
        <Dialog.Title>{t(connecting ? 'emptyConnecting' : 'detailsGone')}</Dialog.Title>
        {!connecting && <p className="quiet">{t('detailsGoneAdvice')}</p>}
      </>
    );
  }
  const { session, left } = visit;
  return (
    <>
      <Dialog.Title dir="auto" translate={session.contact ? 'no' : undefined}>
        {titleOf(session)}
      </Dialog.Title>
      {session.contact?.title !== undefined && (
        <p className="quiet" dir="auto">
          {session.contact.title}
        </p>
      )}
      {left !== null && (
        <p className="has-left" role="status">
          {t('detailsLeft')}
        </p>
      )}
      <CompanyFacts session={session} />
      <ContactFacts session={session} />
      <SessionFacts session={session} left={left !== null} />
      {visit.pages.length > 0 && (
        <Facts title={t('factsPages')}>
          <Pages visit={visit} version={visit.version} />
        </Facts>
      )}
      <Facts title={t('factsActivity')}>
        <Timeline visit={visit} version={visit.version} />
      </Facts>
    </>
  );
}

function ContactFacts({ session }: { session: Session }) {
  return (
    <Facts title={t('factsContact')}>
      {session.contact?.emailAddresses.map((email, index) => (
        <Fact key={`email ${index}`} text={email} href={mailtoUrl(email)} />
      ))}
      {session.contact?.phoneNumbers.map((phone, index) => (
        <Fact key={`phone ${index}`} text={phone} href={telUrl(phone)} />
      ))}
      {isUnreachable(session) && <p className="quiet">{t('noContactFacts')}</p>}
    </Facts>
  );
}

/** @param left whether the visitor has left, so that no duration goes on */
function SessionFacts({ session, left }: { session: Session; left: boolean }) {
  return (
    <Facts title={t('factsSession')}>
      <Fact text={session.ip} href={null} mono />
      <Origin session={session} />
      <Referrer session={session} />
      <dl className="times">
        <dt>{t('onSiteSince')}</dt>
        <dd translate="no">{formatTime(session.openedAt)}</dd>
        {!left && (
          <>
            <dt>{t('onSiteFor')}</dt>
            <dd>
              <Age since={session.openedAt} />
            </dd>
            <dt>{t('lastActive')}</dt>
            <dd>
              <Age since={session.lastActivityAt} phrase="ago" />
            </dd>
          </>
        )}
      </dl>
    </Facts>
  );
}

function titleOf({ contact, company, unidentified }: Session): string {
  if (contact) return contact.name;
  if (company) return t('visitorFrom', { company: company.name });
  return t(unidentified === true ? 'notIdentifiedYet' : 'unknownVisitor');
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
          <dt>{t('network')}</dt>
          <dd dir="auto" translate="no">
            {network}
          </dd>
        </>
      )}
      {country !== undefined && (
        <>
          <dt>{t('country')}</dt>
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
      <dt>{t('cameFrom')}</dt>
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
  const address = addressOf(company);
  const alone = query.company === company.guid || query.company === address;
  return (
    <Facts title={t('factsCompany')}>
      <div className="company-line">
        <strong dir="auto" translate="no">
          {company.name}
        </strong>
        <WatchButton company={company} />
      </div>
      <Fact text={company.domain} href={websiteUrl(company.domain)} elsewhere />
      <button
        type="button"
        className="link-button"
        onClick={() => change({ company: alone ? null : address })}
      >
        {alone ? t('showAllCompanies') : t('showOnlyCompany', { count: visitors })}
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
        <span translate="no">{text}</span>
      ) : (
        <a translate="no" href={href} {...(elsewhere && { target: '_blank', rel: 'noopener noreferrer' })}>
          {text}
        </a>
      )}
      <CopyButton key={text} text={text} />
    </div>
  );
}
