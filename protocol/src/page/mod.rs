//! The page that a visitor sees and the website that the visitor came from, if an emitter sends them.

mod reported;
mod seen;

pub(crate) use self::reported::{PageField, kept_page, kept_referrer};
pub use self::reported::{Reported, ReportedPage};
pub use self::seen::{MAX_TITLE, MAX_URL, Page, SeenPage, SeenReferrer};
