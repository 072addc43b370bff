/** Addresses of pages and referrers. They come from visitors' browsers, so they may be anything. */

/** The URL if it leads to a website, or null: one of another scheme must not become a link. */
export function linkOf(url: string): string | null {
  const parsed = parse(url);
  return parsed === null ? null : parsed.href;
}

/** An address as people read it: without percent-encoding where that hides only text. */
export function readable(url: string): string {
  try {
    return decodeURI(url);
  } catch {
    return url;
  }
}

/** The part of a page's address that differs within the website; the whole address if it is no URL. */
export function pathOf(url: string): string {
  const parsed = parse(url);
  return readable(parsed === null ? url : `${parsed.pathname}${parsed.search}`);
}

/** The address of the website that a visitor came from, without its scheme. */
export function siteOf(url: string): string {
  const parsed = parse(url);
  if (parsed === null) return url;
  const path = `${parsed.pathname}${parsed.search}`;
  return `${parsed.host}${path === '/' ? '' : readable(path)}`;
}

function parse(url: string): URL | null {
  if (!URL.canParse(url)) return null;
  const parsed = new URL(url);
  const isWebsite = ['http:', 'https:'].includes(parsed.protocol) && parsed.username + parsed.password === '';
  return isWebsite ? parsed : null;
}
