import * as Popover from '@radix-ui/react-popover';
import { Icon } from '../components/Icon';
import { PopoverPanel } from '../components/PopoverPanel';
import { formatCount } from '../shared/format';
import { t } from '../shared/messages/text';
import { useLive } from '../store/useLive';
import { headlineOf } from './headline';
import { ProblemCount, SystemStatus } from './SystemStatus';
import './status.css';

/** How up to date the page is, in a word or a sentence; and the system status behind it. */
export function LiveStatus() {
  const freshness = useLive(({ status }) => status.freshness);
  const pipeline = useLive(({ view }) => view.pipeline);
  // To the second, so that not every frame renders it.
  const asOf = useLive(({ view }) => Math.floor((view.asOf ?? view.frameAt) / 1_000) * 1_000);
  const now = useLive(({ status }) => status.now);
  const outdated = useLive(({ status }) => status.outdated);
  const { severity, text } = headlineOf({ freshness, now, asOf, pipeline, outdated });
  return (
    <div className="link-status" data-freshness={freshness} data-severity={severity}>
      <strong role="status">{text}</strong>
      <Loading />
      <Popover.Root>
        <Popover.Trigger className="system-button" title={t('system')}>
          <span className="visually-hidden">{t('system')}</span>
          <ProblemCount />
          <Icon name="down" />
        </Popover.Trigger>
        <PopoverPanel className="system" aria-label={t('system')} align="start">
          <SystemStatus />
        </PopoverPanel>
      </Popover.Root>
    </div>
  );
}

/** How many visitors have arrived so far, on a slow connection. */
function Loading() {
  const loaded = useLive(({ view: { progress } }) =>
    progress === null ? null : formatCount(progress.loaded),
  );
  const total = useLive(({ view: { progress } }) => formatCount(progress?.total ?? 0));
  return loaded === null ? null : <span>{t('statusLoading', { loaded, total })}</span>;
}
