import * as Popover from '@radix-ui/react-popover';
import { formatCount } from '../shared/format';
import { useLive } from '../store/useLive';
import { assess, type Trouble } from './pipeline';

/**
 * What is wrong with the pipeline: the first problem, and all of them on a click. It is in a line that is always
 * there, so that a problem moves nothing.
 */
export function Troubles() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const now = useLive(({ status }) => status.now);
  const troubles = pipeline === null || now === null ? [] : assess(pipeline, now).troubles;
  const [first] = troubles;
  if (!first) return null;
  const more = troubles.length - 1;
  return (
    <Popover.Root>
      <Popover.Trigger className="troubles">
        <span className="line">
          <strong>{first.who}</strong> {first.reason}
        </span>
        {more > 0 && <span className="more">+{formatCount(more)} more</span>}
      </Popover.Trigger>
      <Popover.Content className="popover" aria-label="Troubles" sideOffset={6} collisionPadding={12}>
        <ul className="all-troubles">
          {troubles.map((trouble) => (
            <li key={keyOf(trouble)}>
              <strong>{trouble.who}</strong> {trouble.reason}
            </li>
          ))}
        </ul>
      </Popover.Content>
    </Popover.Root>
  );
}

function keyOf({ who, reason }: Trouble): string {
  return `${who} ${reason}`;
}
