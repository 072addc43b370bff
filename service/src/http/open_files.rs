//! The limit of open files and connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files other than client connections.
const OWN: u64 = 256;

/// Raises the limit of open files as far as the system allows. Returns how many connections that allows, at most
/// `wanted`.
#[must_use]
pub fn room_for(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let open = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            limit.current
        }
    };
    let room = open.map_or(usize::MAX, |open| {
        usize::try_from(open.saturating_sub(OWN)).unwrap_or(usize::MAX)
    });
    if room < wanted {
        tracing::warn!(
            wanted,
            room,
            "the limit of open files allows fewer connections than configured"
        );
    }
    wanted.min(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_wanted_nor_than_there_is() {
        assert_eq!(room_for(1), 1);
        let most = getrlimit(Resource::Nofile).maximum;
        if let Some(most) = most {
            assert!((room_for(usize::MAX) as u64) < most);
        }
    }
}
