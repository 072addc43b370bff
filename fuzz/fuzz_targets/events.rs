//! The frames of the emitter, and the lines of a raw message.

#![no_main]

use fuzz::assert_shown_by_every_clock;
use libfuzzer_sys::fuzz_target;
use protocol::{Event, Guid, Timestamp, event, ip, time};

const NOW: Timestamp = Timestamp::from_unix_ms(1_750_000_000_000);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = Event::parse(bytes) {
        assert!(bytes.len() <= event::MAX_BYTES);
        assert!(Guid::new(&event.guid).is_ok());
        assert!(ip::is_plausible(&event.ip));
        assert_shown_by_every_clock(time::believable(event.timestamp, NOW).0);
    }
    let header = String::from_utf8_lossy(bytes);
    for header in [None, Some(&*header)] {
        for (_, received_at) in event::lines(bytes, header, NOW) {
            assert_shown_by_every_clock(received_at);
        }
    }
});
