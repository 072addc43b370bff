import { Icon } from '../components/Icon';
import { useLiveStore } from '../store/useLive';
import { csvOf } from './csv';
import { download } from './download';

/** Saves the listed visitors, in their order, as CSV. */
export function ExportButton() {
  const live = useLiveStore();
  const save = () => {
    const stamp = new Date(live.status.now ?? 0).toISOString().slice(0, 19).replaceAll(':', '-');
    const sessions = live.listing.visitors().map(({ session }) => session);
    download(`visitors-${stamp}Z.csv`, 'text/csv;charset=utf-8', csvOf(sessions));
  };
  return (
    <button type="button" className="button" title="Export the listed visitors as CSV" onClick={save}>
      <Icon name="save" />
      Export
    </button>
  );
}
