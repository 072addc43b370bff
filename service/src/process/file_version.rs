//! Tells versions of a file apart.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// When a file was last changed, and its length, because two versions may be written within one tick of the file system's
/// clock.
pub type FileVersion = (SystemTime, u64);

/// The present version; `None` if the file cannot be read.
#[must_use]
pub fn file_version(file: &Path) -> Option<FileVersion> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
