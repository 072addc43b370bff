import { Icon } from '../components/Icon';
import { t } from '../shared/messages/text';
import { useLive, useLiveStore } from '../store/useLive';
import { csvOf } from './csv';
import { download } from './download';

/** Saves the listed visitors, in their order, as CSV. */
export function ExportButton() {
  const live = useLiveStore();
  // Before the first frame there is nothing to export, and no time for the file's name.
  const ready = useLive(({ status }) => status.now !== null);
  const save = () => {
    const stamp = new Date(live.status.now ?? 0).toISOString().slice(0, 19).replaceAll(':', '-');
    const sessions = live.listing.visitors().map(({ session }) => session);
    download(`visitors-${stamp}Z.csv`, 'text/csv;charset=utf-8', csvOf(sessions));
  };
  return (
    <button type="button" className="button" title={t('exportHint')} disabled={!ready} onClick={save}>
      <Icon name="save" />
      <span className="export-word">{t('export')}</span>
    </button>
  );
}
