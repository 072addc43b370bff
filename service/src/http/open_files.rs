//! How many files and connections the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open besides those who connect to it.
const OWN: u64 = 256;

/// Raises the limit as far as the system allows, and gives how many connections there may then be: `wanted`, or what the
/// limit leaves room for.
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
            tracing::warn!(%error, "the limit of open files cannot be raised");
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
            "the system allows too few open files for so many connections"
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
