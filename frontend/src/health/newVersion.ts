/** Milliseconds to wait for the page. */
const REQUEST_TIMEOUT = 10_000;

/**
 * Whether a page's HTML loads another script than this one does: then a newer version has been deployed.
 *
 * @param html the page as it is served now
 * @param script the URL of the script that runs
 */
export function isNewer(html: string, script: string): boolean {
  // Anything else, such as the login form, says nothing about the version.
  if (!html.includes('id="root"')) return false;
  const name = new URL(script).pathname.split('/').at(-1) ?? '';
  return name !== '' && !html.includes(name);
}

/** Asks the server whether a newer version of this page has been deployed. */
export async function hasNewVersion(): Promise<boolean> {
  const script = document.querySelector<HTMLScriptElement>('script[type=module][src]')?.src;
  if (script === undefined) return false;
  try {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT);
    const answer = await fetch(new URL('.', window.location.href), { cache: 'no-store', signal });
    return answer.ok && !answer.redirected && isNewer(await answer.text(), script);
  } catch {
    // The page says already that the server is unreachable.
    return false;
  }
}
