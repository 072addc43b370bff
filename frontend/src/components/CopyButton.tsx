import { useEffect, useState } from 'react';
import { copy } from '../shared/clipboard';
import { t } from '../shared/messages/text';
import { announce } from './announce';
import { Icon } from './Icon';

/** Milliseconds for which the result is shown. */
const SHOWN_FOR = 2_000;

interface CopyButtonProps {
  /** The text to copy, or a function that returns it when the button is pressed. */
  text: string | (() => string);
  /** The button's text; without it, the button is an icon. */
  label?: string;
  /** For use in a row: not in the tab order, because the row has a key for it, and without a text next to it. */
  inRow?: boolean;
}

/** Copies a text, and confirms it. */
export function CopyButton({ text, label, inRow = false }: CopyButtonProps) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [copied]);
  const what = typeof text === 'string' ? text : '';
  const icon = <Icon name={copied === true ? 'done' : 'copy'} />;
  const press = () => void copyAndAnnounce(typeof text === 'string' ? text : text()).then(setCopied);
  if (label !== undefined) {
    return (
      <button type="button" className="button" onClick={press}>
        {icon}
        <span>{copied === null ? label : t(copied ? 'copied' : 'copyRefused')}</span>
      </button>
    );
  }
  return (
    <>
      <button
        type="button"
        className="copy-button"
        aria-label={t('copyText', { text: what })}
        title={t('copy')}
        tabIndex={inRow ? -1 : 0}
        onClick={press}
      >
        {icon}
      </button>
      {!inRow && (
        <span className="copied" aria-hidden="true">
          {copied !== null && t(copied ? 'copied' : 'copyRefused')}
        </span>
      )}
    </>
  );
}

/** Copies a text, and has the result announced. */
export async function copyAndAnnounce(text: string): Promise<boolean> {
  const copied = await copy(text);
  announce(copied ? t('copiedText', { text }) : t('copyRefused'));
  return copied;
}
