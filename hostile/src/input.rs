//! One input.

use std::fmt;
use std::ops::Deref;

/// Bytes, which a failed test shows as text.
#[derive(Clone, PartialEq, Eq)]
pub struct Input(pub(crate) Vec<u8>);

impl Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}
