/**
 * The door to the clipboard.
 *
 * @returns whether the text is on it; browsers allow that only to pages that were served securely
 */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
