import type { AgeFilter, Column, KnownFilter } from '../address/query';

/** Column headings. */
export const HEADINGS: Record<Column, string> = {
  company: 'Company',
  contact: 'Contact',
  page: 'Page',
  email: 'Email',
  phone: 'Phone',
  ip: 'IP address',
  opened: 'On site',
  active: 'Last active',
};

/** Texts of the filters' options. */
export const KNOWN_LABELS: Record<KnownFilter, string> = {
  all: 'All visitors',
  identified: 'Identified',
  unidentified: 'Not identified',
};

export const AGE_LABELS: Record<AgeFilter, string> = {
  any: 'Any time on site',
  under1m: 'Under a minute',
  over1m: 'Over a minute',
  over10m: 'Over 10 minutes',
  over1h: 'Over an hour',
};
