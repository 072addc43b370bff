import { useState } from 'react';
import { CompanyView } from './companies/CompanyView';
import { TopCompanies } from './companies/TopCompanies';
import { Announcer } from './components/Announcer';
import { Details } from './details/Details';
import { Figures } from './figures/Figures';
import { LiveStatus } from './health/LiveStatus';
import { NewVersion } from './health/NewVersion';
import { Menu } from './settings/Menu';
import { Shortcuts } from './settings/Shortcuts';
import { t } from './shared/messages/text';
import { TableSummary } from './table/TableSummary';
import { Toolbar } from './toolbar/Toolbar';
import { VisitorTable } from './table/VisitorTable';
import { WatchMenu } from './watch/WatchMenu';

export function App() {
  const [shortcuts, setShortcuts] = useState(false);
  return (
    <div className="page">
      <header className="page-head">
        <h1>{t('title')}</h1>
        <LiveStatus />
        <NewVersion />
        <WatchMenu />
        <Menu onShortcuts={() => setShortcuts(true)} />
      </header>
      <main className="page-body">
        <Figures />
        <section className="table-side" aria-label={t('visitors')}>
          <Toolbar />
          <CompanyView />
          <TableSummary />
          <VisitorTable />
        </section>
        <TopCompanies />
        <Details />
      </main>
      <Shortcuts open={shortcuts} onOpenChange={setShortcuts} />
      <Announcer />
    </div>
  );
}
