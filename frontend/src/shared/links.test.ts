import { describe, expect, it } from 'vitest';
import { mailtoUrl, telUrl, websiteUrl } from './links';

describe('websiteUrl', () => {
  it.each([
    ['lumen.example', 'https://lumen.example/'],
    ['WWW.Lumen-Sons.co.example', 'https://www.lumen-sons.co.example/'],
    ['müller.example', 'https://xn--mller-kva.example/'],
  ])('links %s', (domain, url) => {
    expect(websiteUrl(domain)).toBe(url);
  });

  it.each([
    '',
    'localhost',
    'lumen',
    '.example',
    'lumen..example',
    '-lumen.example',
    '127.0.0.1',
    '0x7f.1',
    '[::1]',
    'lumen.example:8080',
    'lumen.example/path',
    'lumen.example?q',
    'lumen.example#x',
    'user@lumen.example',
    'https://lumen.example',
    'javascript:alert(1)//.example',
    'lumen.example\\@evil.example',
    'lumen%2eexample.example',
    'lumen .example',
    'lumen.example\n',
    '<b>.example',
    'n/a',
  ])('does not link %j', (domain) => {
    expect(websiteUrl(domain)).toBeNull();
  });
});

describe('mailtoUrl', () => {
  it.each([
    ['ada@lumen.example', 'mailto:ada@lumen.example'],
    ['ada+web@lumen.example', 'mailto:ada%2Bweb@lumen.example'],
    ['a?subject=x&cc=b@lumen.example', 'mailto:a%3Fsubject%3Dx%26cc%3Db@lumen.example'],
  ])('links %s', (email, url) => {
    expect(mailtoUrl(email)).toBe(url);
  });

  it.each(['', 'ada', '@lumen.example', 'ada@', 'a@b@c', 'ada @lumen.example', '\ud800@lumen.example'])(
    'does not link %j',
    (email) => {
      expect(mailtoUrl(email)).toBeNull();
    },
  );
});

describe('telUrl', () => {
  it.each([
    ['+1-202-555-0173', 'tel:+12025550173'],
    ['(202) 555-0148 x4821', 'tel:2025550148;ext=4821'],
    ['202.555.0148 ext. 7', 'tel:2025550148;ext=7'],
    [' 112 ', 'tel:112'],
  ])('links %s', (phone, url) => {
    expect(telUrl(phone)).toBe(url);
  });

  it.each(['', '+', '12', 'call me', '555-HELP', '+1;phone-context=evil', '202 555 0148 x'])(
    'does not link %j',
    (phone) => {
      expect(telUrl(phone)).toBeNull();
    },
  );
});
