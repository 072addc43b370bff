import { Details } from './details/Details';
import { Figures } from './figures/Figures';
import { TopCompanies } from './companies/TopCompanies';
import { HealthStrip } from './health/HealthStrip';
import { LinkStatus } from './health/LinkStatus';
import { Problems } from './health/Problems';
import { LogOut } from './login/LogOut';
import { TableFooter } from './table/TableFooter';
import { Toolbar } from './toolbar/Toolbar';
import { VisitorTable } from './table/VisitorTable';
import { WatchMenu } from './watch/WatchMenu';

export function App() {
  return (
    <div className="page">
      <header className="page-head">
        <h1>On the website right now</h1>
        <LinkStatus />
        <Problems />
        <WatchMenu />
        <LogOut />
      </header>
      <HealthStrip />
      <main className="page-body">
        <Figures />
        <section className="table-side" aria-label="Visitors">
          <Toolbar />
          <VisitorTable />
          <TableFooter />
        </section>
        <TopCompanies />
        <Details />
      </main>
    </div>
  );
}
