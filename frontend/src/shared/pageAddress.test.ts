import { describe, expect, it } from 'vitest';
import { linkOf, pathOf, siteOf } from './pageAddress';

describe('addresses of pages', () => {
  it('links only to websites', () => {
    expect(linkOf('https://shop.example/tea?x=1')).toBe('https://shop.example/tea?x=1');
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,x',
      '/tea',
      '',
      'https://me:pw@shop.example/',
    ]) {
      expect(linkOf(url)).toBeNull();
    }
  });

  it('shows the path as people read it', () => {
    expect(pathOf('https://shop.example/t%C3%BCr?farbe=rot#x')).toBe('/tür?farbe=rot');
    expect(pathOf('https://shop.example')).toBe('/');
    expect(pathOf('https://shop.example/%ff')).toBe('/%ff');
    expect(pathOf('/tea')).toBe('/tea');
  });

  it('names the website that a visitor came from', () => {
    expect(siteOf('https://search.example/')).toBe('search.example');
    expect(siteOf('https://news.example/today')).toBe('news.example/today');
    expect(siteOf('android-app://x')).toBe('android-app://x');
  });
});
