/** The door to the reader's disk: hands a text over as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken its hold on the file by the time that this runs.
  setTimeout(() => URL.revokeObjectURL(url));
}
