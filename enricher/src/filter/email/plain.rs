//! Undoes every spelling that would hide an address in a text: of Unicode, of the web, and of people.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// How many nested encodings are undone. This bounds the work for a text of nothing else.
const DEPTH: usize = 32;

/// A dot that had white space around it: part of an address, or the end of a sentence. No plain text contains it.
pub const AMBIGUOUS_DOT: char = '․';

/// Named characters of HTML that can be in or around an address. Invisible ones become nothing.
const ENTITIES: [(&str, &str); 27] = [
    ("amp", "&"),
    ("apos", "'"),
    ("colon", ":"),
    ("comma", ","),
    ("commat", "@"),
    ("emsp", " "),
    ("ensp", " "),
    ("gt", ">"),
    ("hyphen", "-"),
    ("lbrack", "["),
    ("lowbar", "_"),
    ("lpar", "("),
    ("lsqb", "["),
    ("lt", "<"),
    ("nbsp", " "),
    ("newline", " "),
    ("num", "#"),
    ("percnt", "%"),
    ("period", "."),
    ("quot", "\""),
    ("rbrack", "]"),
    ("rpar", ")"),
    ("rsqb", "]"),
    ("semi", ";"),
    ("shy", ""),
    ("tab", " "),
    ("thinsp", " "),
];

/// The text in Unicode's compatibility form (NFKC), without invisible characters, with a full stop for every dot, and
/// with the encodings of URLs, HTML, JSON and mail undone.
pub fn plain(text: &str) -> String {
    let mut plain = normalized(text);
    for _ in 0..DEPTH {
        let decoded = decoded(&plain);
        if decoded == plain {
            break;
        }
        plain = normalized(&decoded);
    }
    plain
}

/// A plain text, prepared to find addresses that people have spelled out: in lower case, without quotes, with `[at]`
/// and `(dot)` replaced, and without white space around `@` and dots. A dot that had white space around it is a
/// [`AMBIGUOUS_DOT`].
pub fn spelled(plain: &str) -> String {
    let unquoted: String = plain.to_lowercase().chars().filter(|c| !is_quote(*c)).collect();
    tightened(&with_bracketed_words(&with_words(&unquoted)))
}

fn normalized(text: &str) -> String {
    let compatible = if text.is_ascii() {
        Cow::Borrowed(text)
    } else {
        ComposingNormalizerBorrowed::new_nfkc().normalize(text)
    };
    let visible = compatible.chars().filter_map(|c| match c {
        '\t' | '\n' | '\r' => Some(' '),
        '。' => Some('.'),
        c if is_invisible(c) => None,
        c => Some(c),
    });
    visible.collect()
}

fn is_invisible(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, GeneralCategory::Format | GeneralCategory::Control)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\\') || "‘’‚‛“”„‟«»‹›′″".contains(c)
}

/// Undoes one layer of encodings.
fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['%', '=', '&', '\\']) {
        let (before, encoded) = rest.split_at(at);
        decoded.push_str(before);
        let found = match encoded.as_bytes()[0] {
            b'%' => octets(encoded),
            b'=' => quoted_printable(encoded),
            b'&' => entity(encoded),
            _ => escape(encoded),
        };
        let (meaning, length) = found.unwrap_or_else(|| (encoded[..1].to_owned(), 1));
        decoded.push_str(&meaning);
        rest = &encoded[length..];
    }
    decoded + rest
}

/// `%40%2E`: a sequence of UTF-8 octets.
fn octets(text: &str) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(byte) = rest.strip_prefix('%').and_then(|rest| hexadecimal(rest, 2)) {
        bytes.push(u8::try_from(byte).ok()?);
        rest = &rest[3..];
    }
    let length = text.len() - rest.len();
    let meaning = String::from_utf8(bytes).ok()?;
    (length > 0).then_some((meaning, length))
}

/// `=40` and `=2E`, as in mail and in the return addresses of mailing lists. Nothing else, because `=` also occurs in
/// ordinary texts.
fn quoted_printable(text: &str) -> Option<(String, usize)> {
    let meaning = match text.get(1..3)? {
        "40" => "@",
        "2E" | "2e" => ".",
        _ => return None,
    };
    Some((meaning.to_owned(), 3))
}

/// `&commat;`, `&#64;`, `&#x40;`. The semicolon after a number is optional.
fn entity(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix('&')?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix) = match number.strip_prefix(['x', 'X']) {
            Some(digits) => (digits, 16),
            None => (number, 10),
        };
        let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        let code = u32::from_str_radix(&digits[..end], radix).ok()?;
        let meaning = char::from_u32(code)?;
        let mut length = text.len() - digits.len() + end;
        length += usize::from(digits[end..].starts_with(';'));
        return Some((meaning.to_string(), length));
    }
    let (name, _) = body.split_once(';')?;
    let (_, meaning) = ENTITIES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(((*meaning).to_owned(), name.len() + 2))
}

/// `\u0040` and `\x40`.
fn escape(text: &str) -> Option<(String, usize)> {
    let digits = match text.get(1..2)? {
        "u" | "U" => 4,
        "x" | "X" => 2,
        _ => return None,
    };
    let meaning = char::from_u32(hexadecimal(&text[2..], digits)?)?;
    Some((meaning.to_string(), 2 + digits))
}

fn hexadecimal(text: &str, digits: usize) -> Option<u32> {
    let digits = text.get(..digits)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// The character that a word in brackets stands for.
fn meaning_of_bracketed(word: &str) -> Option<char> {
    match word {
        "at" | "@" | "a" | "ät" | "arroba" | "arobase" | "chiocciola" | "apenstaartje" => Some('@'),
        "dot" | "." | "d" | "punkt" | "point" | "punto" | "ponto" | "punt" => Some('.'),
        _ => None,
    }
}

/// `ada [at] lumen {dot} example`.
fn with_bracketed_words(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['[', '(', '{', '<']) {
        replaced.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let close = inner.find([']', ')', '}', '>']);
        let meaning = close.and_then(|close| Some((meaning_of_bracketed(inner[..close].trim())?, close)));
        if let Some((meaning, close)) = meaning {
            replaced.push(meaning);
            rest = &inner[close + 1..];
        } else {
            replaced.push_str(&rest[open..=open]);
            rest = inner;
        }
    }
    replaced + rest
}

/// `ada at lumen dot example` and `ada_at_lumen.example`. The first needs both words, because "Head of Sales at
/// web.de" is a title.
fn with_words(text: &str) -> String {
    let text = text.replace("_at_", "@").replace("_dot_", ".");
    let words: Vec<_> = text.split(' ').collect();
    let is_spelled = words
        .windows(4)
        .any(|four| four[0] == "at" && four[2] == "dot" && !four[1].is_empty());
    if is_spelled {
        text.replace(" at ", "@").replace(" dot ", ".")
    } else {
        text
    }
}

/// Removes white space around `@` and dots.
fn tightened(text: &str) -> String {
    let mut tight = String::with_capacity(text.len());
    let mut after_blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            after_blank = true;
            continue;
        }
        if after_blank {
            match (tight.chars().next_back(), c) {
                (_, '.') => {
                    tight.push(AMBIGUOUS_DOT);
                    after_blank = false;
                    continue;
                }
                (Some('.'), _) => {
                    tight.pop();
                    tight.push(AMBIGUOUS_DOT);
                }
                (Some('@' | AMBIGUOUS_DOT), _) | (_, '@') => {}
                _ => tight.push(' '),
            }
        }
        after_blank = false;
        tight.push(c);
    }
    tight
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_an_at_sign() {
        for at in [
            "＠",
            "﹫",
            "%40",
            "%2540",
            "%EF%BC%A0",
            "&#64;",
            "&#64",
            "&#064;",
            "&#x40;",
            "&#X0040;",
            "&commat;",
            "&COMMAT;",
            "&amp;#64;",
            "\\u0040",
            "\\x40",
            "=40",
            "@\u{200B}",
            "\u{AD}@",
            "\u{FEFF}@\u{2060}",
            "@\u{FE0F}",
            "@\u{7}",
            "&shy;@",
            "&#xAD;@",
            "%EF%BC%86#64;",
        ] {
            assert_eq!(plain(&format!("a{at}b.example")), "a@b.example", "{at:?}");
        }
    }

    #[test]
    fn every_spelling_of_a_dot() {
        for dot in [
            "．",
            "。",
            "｡",
            "﹒",
            "․",
            "%2E",
            "%e3%80%82",
            "&period;",
            "&#46;",
            "\\u002e",
            "=2E",
        ] {
            assert_eq!(plain(&format!("a@b{dot}example")), "a@b.example", "{dot:?}");
        }
    }

    #[test]
    fn letters_of_other_alphabets_of_unicode() {
        assert_eq!(plain("ａda@𝗀𝗆𝖺𝗂𝗅.𝒸𝑜𝓂"), "ada@gmail.com");
        assert_eq!(plain("ⓐⓓⓐ@gmail.com"), "ada@gmail.com");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in [
            "AT&T",
            "R&D;",
            "100 % of 20",
            "a=b",
            "C:\\users",
            "Ünal & Söhne",
            "5%25",
            "Smith & Wesson; Co",
            "%zz",
            "=4",
            "&#;",
            "&#x110000;",
            "\\u004",
            "&",
            "%",
            "",
        ] {
            let expected = text.replace("%25", "%");
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn spelled_out_addresses() {
        for text in [
            "Ada [at] Lumen [dot] example",
            "ada(at)lumen(dot)example",
            "ada { AT } lumen {punkt} example",
            "ada <at> lumen.example",
            "ada at lumen dot example",
            "ada_at_lumen_dot_example",
            "\"ada\"@\"lumen\".example",
            "ada @ lumen . example",
            "‘ada’ @“lumen”.example",
        ] {
            let spelled = spelled(&plain(text)).replace(AMBIGUOUS_DOT, ".");
            assert_eq!(spelled, "ada@lumen.example", "{text}");
        }
        assert_eq!(spelled("Head of Sales at Web.de"), "head of sales at web.de");
        assert_eq!(spelled("Ada (Sales) [x]"), "ada (sales) [x]");
    }

    #[test]
    fn work_is_bounded() {
        let deep = format!("a&{}#64;b", "amp;".repeat(10_000));
        assert!(plain(&deep).len() < deep.len());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_plain_is_plain(text in "(\\PC|%40|&#64;|\\\\u0040|[ -~]){0,40}") {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once.clone());
            spelled(&once);
        }
    }
}
