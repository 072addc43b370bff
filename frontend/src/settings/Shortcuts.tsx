import * as Dialog from '@radix-ui/react-dialog';
import { useEffect, useRef } from 'react';
import { Icon } from '../components/Icon';
import type { MessageKey } from '../shared/messages/en';
import { t } from '../shared/messages/text';

const SHORTCUTS: readonly (readonly [keys: string, what: MessageKey])[] = [
  ['/', 'shortcutSearch'],
  ['↑ ↓ Home End', 'shortcutMove'],
  ['Enter', 'shortcutOpen'],
  ['C', 'shortcutEmail'],
  ['P', 'shortcutPhone'],
  ['Esc', 'shortcutEscape'],
  ['?', 'shortcutHelp'],
];

interface ShortcutsProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Lists the keyboard shortcuts; the question mark opens it. */
export function Shortcuts({ open, onOpenChange }: ShortcutsProps) {
  const before = useRef<Element | null>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const typing = (event.target as Element).closest('input, select, textarea') !== null;
      if (event.key !== '?' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      onOpenChange(true);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [onOpenChange]);
  return (
    <Dialog.Root open={open} onOpenChange={onOpenChange} modal={false}>
      <Dialog.Content
        className="popover shortcuts"
        aria-describedby={undefined}
        onOpenAutoFocus={() => {
          before.current = document.activeElement;
        }}
        onCloseAutoFocus={(event) => {
          event.preventDefault();
          if (before.current instanceof HTMLElement) before.current.focus();
        }}
      >
        <Dialog.Title>{t('shortcuts')}</Dialog.Title>
        <Dialog.Close className="button icon-button close" aria-label={t('close')}>
          <Icon name="close" />
        </Dialog.Close>
        <dl>
          {SHORTCUTS.map(([keys, what]) => (
            <div key={what}>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{t(what)}</dd>
            </div>
          ))}
        </dl>
      </Dialog.Content>
    </Dialog.Root>
  );
}
