/** The page's title, with how many visitors from watched companies are there. */
export function titleOf(watched: number): string {
  const title = 'On the website right now';
  return watched === 0 ? title : `(${watched}) ${title}`;
}
