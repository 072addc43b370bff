import type { Age, Column, Known } from '../address/query';

/** How the columns are called. */
export const HEADINGS: Record<Column, string> = {
  company: 'Company',
  contact: 'Contact',
  email: 'Email',
  phone: 'Phone',
  ip: 'IP address',
  opened: 'On site',
  active: 'Last active',
};

/** How the filters are called. */
export const KNOWN_LABELS: Record<Known, string> = {
  all: 'All visitors',
  identified: 'Identified',
  unidentified: 'Not identified',
};

export const AGE_LABELS: Record<Age, string> = {
  any: 'Any time on site',
  under1m: 'Under a minute',
  over1m: 'Over a minute',
  over10m: 'Over 10 minutes',
  over1h: 'Over an hour',
};
