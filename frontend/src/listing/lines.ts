import type { Visitor, DepartureReason } from '../feed/change';
import type { Company } from '../feed/frame';

/** The key of the group of visitors whose company is unknown. */
export const NO_COMPANY = 'none';

/** One visitor's line of the table. */
export interface VisitorLine {
  readonly kind: 'visitor';
  readonly key: string;
  visitor: Visitor;
  /** Why and when (by the page's clock) the visitor left; set while the line is still shown after that. */
  left: { reason: DepartureReason; at: number } | null;
  /** When the visitor arrived, by the page's clock. */
  readonly cameAt: number;
  matches: boolean;
  /** The text that a search looks at; built when it is first needed. */
  text: string | null;
}

/** One company's line, above those of its visitors. */
export interface CompanyLine {
  readonly kind: 'company';
  readonly key: string;
  /** Null for all visitors whose company is unknown. */
  readonly company: Company | null;
  /** How many of its visitors are on the site now. */
  readonly visitors: number;
  /** How many of them have an email address or a phone number. */
  readonly reachable: number;
  /** When the earliest of these sessions opened, in milliseconds since the epoch. */
  readonly openedAt: number;
  readonly unfolded: boolean;
}

export type Line = VisitorLine | CompanyLine;
