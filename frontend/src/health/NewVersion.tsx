import { useEffect, useState } from 'react';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { hasNewVersion } from './newVersion';

/**
 * Offers to reload a page that is older than the server's. It checks when the connection is restored, because a new
 * version is deployed while the connection is down.
 */
export function NewVersion() {
  const live = useLive(({ status: { freshness } }) => freshness === 'live');
  const connections = useLive(({ status }) => status.connections);
  const [newer, setNewer] = useState(false);
  useEffect(() => {
    if (live && connections > 1) void hasNewVersion().then(setNewer);
  }, [live, connections]);
  if (!newer) return null;
  return (
    <p className="new-version" role="alert">
      <span>{t('newVersion')}</span>
      <button type="button" className="link-button" onClick={() => window.location.reload()}>
        {t('reload')}
      </button>
    </p>
  );
}
