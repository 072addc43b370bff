import { useMediaQuery } from './useMediaQuery';

/** Whether the window is wide enough for every column that is shown by default. */
export function useHasRoom(): boolean {
  return useMediaQuery('(width >= 88rem)');
}
