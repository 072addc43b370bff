/** The page's title, with the number of visitors from watched companies. */
export function titleOf(watched: number): string {
  const title = 'On the website right now';
  return watched === 0 ? title : `(${watched}) ${title}`;
}
