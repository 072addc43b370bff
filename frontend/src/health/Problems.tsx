import * as Popover from '@radix-ui/react-popover';
import { formatCount } from '../shared/format';
import { useLive } from '../store/useLive';
import { assessPipeline, type Problem } from './pipeline';

/**
 * What is wrong with the pipeline: the first problem, and all of them on a click. It is in a line that is always
 * there, so that a problem moves nothing.
 */
export function Problems() {
  const pipeline = useLive(({ view }) => view.pipeline);
  const now = useLive(({ status }) => status.now);
  const problems = pipeline === null || now === null ? [] : assessPipeline(pipeline, now).problems;
  const [first] = problems;
  if (!first) return null;
  const more = problems.length - 1;
  return (
    <Popover.Root>
      <Popover.Trigger className="problems">
        <span className="line">
          <strong>{first.who}</strong> {first.reason}
        </span>
        {more > 0 && <span className="more">+{formatCount(more)} more</span>}
      </Popover.Trigger>
      <Popover.Content className="popover" aria-label="Problems" sideOffset={6} collisionPadding={12}>
        <ul className="all-problems">
          {problems.map((problem) => (
            <li key={keyOf(problem)}>
              <strong>{problem.who}</strong> {problem.reason}
            </li>
          ))}
        </ul>
      </Popover.Content>
    </Popover.Root>
  );
}

function keyOf({ who, reason }: Problem): string {
  return `${who} ${reason}`;
}
