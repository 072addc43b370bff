import type { Company } from '../feed/frame';
import { NO_COMPANY, type CompanyLine, type Line, type VisitorLine } from './lines';
import { isReachable } from './match';
import type { Plan } from './plan';

interface Group {
  company: Company | null;
  lines: VisitorLine[];
  visitors: number;
  reachable: number;
  openedAt: number;
}

/**
 * Groups visitors by company.
 *
 * Companies are in the order of their first visitors, or of their numbers of visitors; visitors without a company
 * come last.
 */
export function groupByCompany(
  inOrder: readonly VisitorLine[],
  { byVisitors, unfolded }: Pick<Plan, 'byVisitors' | 'unfolded'>,
): Line[] {
  const groups = [...gather(inOrder)];
  const rank = ([key]: [string, Group]) => Number(key === NO_COMPANY);
  // The sort is stable: equal groups stay in the order of their first visitors.
  groups.sort((a, b) => rank(a) - rank(b) || (a[1].visitors - b[1].visitors) * byVisitors);
  return groups.flatMap(([key, { company, lines, visitors, reachable, openedAt }]): Line[] => {
    const open = unfolded.has(key);
    const head: CompanyLine = {
      kind: 'company',
      key: `company ${key}`,
      company,
      visitors,
      reachable,
      openedAt,
      unfolded: open,
    };
    return open ? [head, ...lines] : [head];
  });
}

function gather(inOrder: readonly VisitorLine[]): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const line of inOrder) {
    const { session } = line.visitor;
    const { company, openedAt } = session;
    const key = company?.guid ?? NO_COMPANY;
    let group = groups.get(key);
    if (!group) {
      group = { company, lines: [], visitors: 0, reachable: 0, openedAt };
      groups.set(key, group);
    }
    group.lines.push(line);
    if (line.left === null) {
      group.visitors += 1;
      if (isReachable(session)) group.reachable += 1;
    }
    if (openedAt < group.openedAt) group.openedAt = openedAt;
  }
  return groups;
}
