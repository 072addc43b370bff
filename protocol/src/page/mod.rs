//! The page that a visitor sees and the website that the visitor came from, if an emitter sends them.

mod seen;
mod told;

pub use self::seen::{MAX_TITLE, MAX_URL, Page, SeenPage, SeenReferrer};
pub(crate) use self::told::{PageField, kept_page, kept_referrer};
pub use self::told::{Told, ToldPage};
