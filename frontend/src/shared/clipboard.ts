/**
 * Writes to the clipboard.
 *
 * @returns whether that was allowed; browsers allow it only on pages served over HTTPS or from localhost
 */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
