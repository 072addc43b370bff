//! Page and referrer as an emitter writes them in JSON. Nothing in them makes the event unusable.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::seen::{MAX_TITLE, Page, is_usable, is_usable_url};
use crate::field::{Field, Name};

/// A page, borrowed from the emitter's JSON. Its texts can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPage<'a> {
    /// Its address.
    pub url: Cow<'a, str>,
    /// Its title; empty if there is none.
    pub title: Cow<'a, str>,
}

impl ReportedPage<'_> {
    /// The page, copied.
    #[must_use]
    pub fn to_page(&self) -> Page {
        Page {
            url: self.url.as_ref().into(),
            title: self.title.as_ref().into(),
        }
    }
}

/// The page and referrer of an event. A value that cannot be kept is omitted and reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported<'a> {
    /// The page that the visitor sees.
    pub page: Option<ReportedPage<'a>>,
    /// The other website that the visitor came from.
    pub referrer: Option<Cow<'a, str>>,
    /// `page` was present but cannot be kept.
    pub page_dropped: bool,
    /// The page is kept; its title was present but cannot be kept.
    pub title_dropped: bool,
    /// `referrer` was present but cannot be kept.
    pub referrer_dropped: bool,
}

impl<'a> Reported<'a> {
    /// Keeps what can be kept.
    pub(crate) fn of(page: PageField<'a>, referrer: Field<'a>) -> Self {
        let mut reported = Self::default();
        match page {
            PageField::Missing => {}
            PageField::OtherType => reported.page_dropped = true,
            PageField::Object { url, title } => match url.text() {
                Ok(url) if is_usable_url(&url) => {
                    let title = match title {
                        Field::Missing => Cow::Borrowed(""),
                        Field::Text(title) if is_usable(&title, MAX_TITLE) => title,
                        Field::Text(_) | Field::OtherType => {
                            reported.title_dropped = true;
                            Cow::Borrowed("")
                        }
                    };
                    reported.page = Some(ReportedPage { url, title });
                }
                Ok(_) | Err(_) => reported.page_dropped = true,
            },
        }
        match referrer {
            // A browser without a referrer reports "".
            Field::Text(url) if url.is_empty() => {}
            Field::Text(url) if is_usable_url(&url) => reported.referrer = Some(url),
            Field::Missing => {}
            Field::Text(_) | Field::OtherType => reported.referrer_dropped = true,
        }
        reported
    }
}

/// The value of `page`, before any check.
#[derive(Default)]
pub(crate) enum PageField<'a> {
    #[default]
    Missing,
    Object {
        url: Field<'a>,
        title: Field<'a>,
    },
    OtherType,
}

impl<'de> Deserialize<'de> for PageField<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PageVisitor)
    }
}

struct PageVisitor;

impl<'de> Visitor<'de> for PageVisitor {
    type Value = PageField<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(PageField::OtherType)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(PageField::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(PageField::OtherType)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(PageField::OtherType)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(PageField::OtherType)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(PageField::OtherType)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(PageField::OtherType)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut url, mut title) = (Field::Missing, Field::Missing);
        while let Some(Name(name)) = map.next_key()? {
            match name.as_ref() {
                "url" => url = map.next_value()?,
                "title" => title = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(PageField::Object { url, title })
    }
}

/// Reads a page from one of our own messages; one that cannot be kept is omitted.
pub(crate) fn kept_page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Page>, D::Error> {
    let reported = Reported::of(PageField::deserialize(deserializer)?, Field::Missing);
    Ok(reported.page.as_ref().map(ReportedPage::to_page))
}

/// Like [`kept_page`], for a referrer.
pub(crate) fn kept_referrer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Arc<str>>, D::Error> {
    let reported = Reported::of(PageField::Missing, Field::deserialize(deserializer)?);
    Ok(reported.referrer.map(|url| url.as_ref().into()))
}
