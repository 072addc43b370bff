//! Last activities on `visitor.activity.<instance>`.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, IgnoredAny, SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::guid::Guid;
use crate::page::{Page, SeenPage, kept_page};
use crate::time::{Timestamp, is_plausible};

/// The last activity of a session whose record is published.
///
/// On the wire `[guid, at, receivedAt]`. If the event has a page, it is the fourth element, and its own time is the
/// fifth if the page was seen before the activity. Readers ignore further elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The session.
    pub guid: Guid,
    /// When it happened, by the emitter's clock.
    pub at: Timestamp,
    /// When the ingestor received it.
    pub received_at: Timestamp,
    /// The page that the visitor saw, if the emitter sends it.
    pub page: Option<SeenPage>,
}

impl Activity {
    /// An activity of a session on an unknown page.
    #[must_use]
    pub const fn new(guid: Guid, at: Timestamp, received_at: Timestamp) -> Self {
        Self {
            guid,
            at,
            received_at,
            page: None,
        }
    }
}

impl Serialize for Activity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(SeenPage { at, page }) = &self.page else {
            return (&self.guid, self.at, self.received_at).serialize(serializer);
        };
        let own_time = *at != self.at;
        let mut elements = serializer.serialize_seq(Some(4 + usize::from(own_time)))?;
        elements.serialize_element(&self.guid)?;
        elements.serialize_element(&self.at)?;
        elements.serialize_element(&self.received_at)?;
        elements.serialize_element(page)?;
        if own_time {
            elements.serialize_element(at)?;
        }
        elements.end()
    }
}

impl<'de> Deserialize<'de> for Activity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ActivityVisitor)
    }
}

/// The fourth element; an unusable page is omitted.
#[derive(Deserialize)]
#[serde(transparent)]
struct ReadPage(#[serde(deserialize_with = "kept_page")] Option<Page>);

struct ActivityVisitor;

impl<'de> Visitor<'de> for ActivityVisitor {
    type Value = Activity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an activity")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Activity, A::Error> {
        let missing = |index| de::Error::invalid_length(index, &self);
        let guid = seq.next_element()?.ok_or_else(|| missing(0))?;
        let at = seq.next_element()?.ok_or_else(|| missing(1))?;
        let received_at = seq.next_element()?.ok_or_else(|| missing(2))?;
        let mut activity = Activity::new(guid, at, received_at);
        let page = seq.next_element::<ReadPage>()?.and_then(|ReadPage(page)| page);
        let page_at = seq.next_element::<Option<Timestamp>>()?.flatten().unwrap_or(at);
        activity.page = page.map(|page| SeenPage {
            at: page_at,
            page: Arc::new(page),
        });
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        if [at, received_at, page_at].into_iter().all(is_plausible) {
            Ok(activity)
        } else {
            Err(de::Error::custom("unusable time"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::unix_ms;

    const FIXTURE: &str = include_str!("../fixtures/activity.json");
    const WITH_PAGE: &str = include_str!("../fixtures/activity-page.json");

    #[test]
    fn wire_form_is_frozen() {
        let read: Vec<Activity> = serde_json::from_str(FIXTURE).unwrap();
        assert_eq!(
            read[0],
            Activity::new(
                Guid::new("59ef0b55-de86-48b0-aa78-a785afbd7ecd").unwrap(),
                unix_ms(1_749_999_995_000),
                unix_ms(1_749_999_995_012)
            )
        );
        assert_eq!(serde_json::to_string(&read).unwrap(), FIXTURE.trim());
        let read: Vec<Activity> = serde_json::from_str(WITH_PAGE).unwrap();
        let pages = read.iter().map(|activity| {
            activity
                .page
                .as_ref()
                .map(|seen| (&*seen.page.url, seen.at.unix_ms()))
        });
        let expected = [
            Some(("https://shop.example/tea", 1_749_999_995_000)),
            None,
            Some(("https://shop.example/", 1_749_999_980_000)),
        ];
        assert_eq!(pages.collect::<Vec<_>>(), expected);
        assert_eq!(serde_json::to_string(&read).unwrap(), WITH_PAGE.trim());
    }

    #[test]
    fn more_than_is_known_is_ignored_and_less_refused() {
        let read = |json: &str| serde_json::from_str::<Activity>(json);
        let plain = Activity::new(Guid::new("a").unwrap(), unix_ms(1), unix_ms(2));
        for json in [
            r#"["a",1,2]"#,
            r#"["a",1,2,null]"#,
            r#"["a",1,2,7,null,{}]"#,
            r#"["a",1,2,{"url":""},1]"#,
        ] {
            assert_eq!(read(json).unwrap(), plain, "{json}");
        }
        for json in [
            "[]",
            r#"["a",1]"#,
            r#"["a",1,-2]"#,
            r#"["a",1,2,{"url":"/"},-1]"#,
            r#"{"guid":"a"}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
