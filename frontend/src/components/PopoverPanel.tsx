import * as Popover from '@radix-ui/react-popover';
import type { ComponentProps } from 'react';

/** What a button opens below itself, clear of the window's edges. */
export function PopoverPanel({ className, ...rest }: ComponentProps<typeof Popover.Content>) {
  return (
    <Popover.Content
      className={className === undefined ? 'popover' : `popover ${className}`}
      align="end"
      sideOffset={6}
      collisionPadding={12}
      {...rest}
    />
  );
}
