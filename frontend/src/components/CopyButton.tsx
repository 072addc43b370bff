import { useEffect, useState } from 'react';
import { copy } from '../shared/clipboard';
import { Icon } from './Icon';

/** Milliseconds for which the result is shown. */
const SAID_FOR = 2_000;

/** Copies a text, and confirms it. */
export function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), SAID_FOR);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <>
      <button
        type="button"
        className="copy-button"
        aria-label={`Copy ${text}`}
        title="Copy"
        onClick={() => void copy(text).then(setCopied)}
      >
        <Icon name={copied === true ? 'done' : 'copy'} />
      </button>
      <span role="status" className="copied">
        {copied !== null && (copied ? 'Copied' : 'The browser does not allow copying here')}
      </span>
    </>
  );
}
