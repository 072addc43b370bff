import { Figures } from './Figures';
import { HealthStrip } from './HealthStrip';
import { LinkStatus } from './LinkStatus';
import { VisitorTable } from './VisitorTable';

export function App() {
  return (
    <main className="page">
      <header className="page-head">
        <h1>On the website right now</h1>
        <LinkStatus />
      </header>
      <HealthStrip />
      <Figures />
      <VisitorTable />
    </main>
  );
}
