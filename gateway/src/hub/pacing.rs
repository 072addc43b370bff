//! Decides how long the gateway waits between two frames. Pure.
//!
//! While frames are cheap, a change goes out at once. The interval grows with what a frame costs, with how busy the hub
//! is, and with how far the slowest client is behind. Each of the three alone can make it as long as [`MAX_INTERVAL`].

use std::str::FromStr;
use std::time::Duration;

use service::flags::duration;

/// The longest interval. People do not notice the difference between 50 ms and less.
pub const MAX_INTERVAL: Duration = Duration::from_millis(50);

/// The share of one core that frames may take, for each core of the machine.
const SHARE: f64 = 0.25;

/// How much the last frame counts in the mean cost.
const WEIGHT: f64 = 0.1;

/// Up to this share of one core that the hub needs for messages, nothing waits; from the second one on, the interval is
/// the longest. Then many changes come within 50 ms, and gathering them saves more time than each of them loses.
const QUIET: f64 = 0.02;
const BUSY: f64 = 0.10;

/// How many frames the slowest client may be behind without an effect, and from how many on the interval is the longest.
const KEEPS_UP: f64 = 4.0;
pub const FAR_BEHIND: usize = 128;

/// A value of `--frame-interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameInterval {
    /// As short as the cost of frames allows.
    Auto,
    /// Always this long.
    Fixed(Duration),
}

impl FromStr for FrameInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            text => duration(text)
                .map(Self::Fixed)
                .map_err(|error| format!("{error}; give a duration such as 50ms, or auto")),
        }
    }
}

/// The interval, from what was measured so far.
#[derive(Debug)]
pub struct Pacing {
    choice: FrameInterval,
    /// Seconds of one core that frames may take per second.
    allowed: f64,
    /// What a frame costs, in seconds of one core: to make it and to send it to all clients.
    cost: f64,
    /// The share of one core that the hub needs for messages.
    load: f64,
    /// How many frames the slowest client is behind.
    behind: usize,
}

impl Pacing {
    /// The state before any measurement, on a machine with this many cores.
    pub fn new(choice: FrameInterval, cores: usize) -> Self {
        Self {
            choice,
            allowed: SHARE * cores.max(1) as f64,
            cost: 0.0,
            load: 0.0,
            behind: 0,
        }
    }

    /// Records that building this frame, and sending since the previous one, took `spent`, and that the slowest client is
    /// `behind` frames behind.
    pub fn on_frame(&mut self, spent: Duration, behind: usize) {
        self.cost += (spent.as_secs_f64() - self.cost) * WEIGHT;
        self.behind = behind;
    }

    /// Records that messages took `busy` of the last `elapsed`.
    pub fn on_load(&mut self, busy: Duration, elapsed: Duration) {
        if !elapsed.is_zero() {
            self.load = f64::midpoint(self.load, busy.as_secs_f64() / elapsed.as_secs_f64());
        }
    }

    /// The minimum time between two frames.
    pub fn interval(&self) -> Duration {
        match self.choice {
            FrameInterval::Fixed(interval) => interval,
            FrameInterval::Auto => {
                let longest = MAX_INTERVAL.as_secs_f64();
                let for_cost = self.cost / self.allowed;
                let for_load = longest * share(self.load, QUIET, BUSY);
                let for_slowest = longest * share(self.behind as f64, KEEPS_UP, FAR_BEHIND as f64);
                let seconds = for_cost.max(for_load).max(for_slowest);
                Duration::from_secs_f64(seconds.min(longest))
            }
        }
    }
}

/// Where a value lies between two others, from 0 to 1.
fn share(value: f64, low: f64, high: f64) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn after(frames: &[Duration]) -> Pacing {
        let mut pacing = Pacing::new(FrameInterval::Auto, 2);
        for spent in frames {
            pacing.on_frame(*spent, 0);
        }
        pacing
    }

    #[test]
    fn cheap_frames_go_out_at_once() {
        assert_eq!(after(&[]).interval(), Duration::ZERO);
        assert!(after(&[micros(100); 100]).interval() < micros(300));
    }

    #[test]
    fn expensive_frames_take_a_fixed_share_of_the_machine() {
        let interval = after(&[micros(2_000); 200]).interval();
        assert!(
            (micros(3_990)..=micros(4_010)).contains(&interval),
            "{interval:?}"
        );
        assert_eq!(after(&[SECOND; 200]).interval(), MAX_INTERVAL);
    }

    #[test]
    fn busy_hub_gathers_changes() {
        let mut pacing = after(&[]);
        for _ in 0..20 {
            pacing.on_load(SECOND / 2, SECOND);
        }
        assert_eq!(pacing.interval(), MAX_INTERVAL);
        for _ in 0..20 {
            pacing.on_load(Duration::ZERO, SECOND);
        }
        assert_eq!(pacing.interval(), Duration::ZERO);
    }

    #[test]
    fn slow_client_gets_fewer_frames_until_it_catches_up() {
        let mut pacing = after(&[]);
        pacing.on_frame(Duration::ZERO, FAR_BEHIND);
        assert_eq!(pacing.interval(), MAX_INTERVAL);
        pacing.on_frame(Duration::ZERO, 1);
        assert_eq!(pacing.interval(), Duration::ZERO);
    }

    #[test]
    fn duration_fixes_the_interval() {
        let mut pacing = Pacing::new(FrameInterval::Fixed(SECOND), 2);
        pacing.on_frame(SECOND, FAR_BEHIND);
        assert_eq!(pacing.interval(), SECOND);
        assert_eq!("auto".parse(), Ok(FrameInterval::Auto));
        assert_eq!("20ms".parse(), Ok(FrameInterval::Fixed(micros(20_000))));
        let error = "often".parse::<FrameInterval>().unwrap_err();
        assert!(error.contains("or auto"), "{error}");
    }

    proptest! {
        #[test]
        fn more_cost_load_or_lag_never_shortens_the_interval(
            measured in proptest::collection::vec((0u64..20_000, 0usize..300, 0u64..1_000), 1..50),
            more in (0u64..20_000, 0usize..300, 0u64..1_000),
        ) {
            let [mut less, mut greater] = [2, 2].map(|cores| Pacing::new(FrameInterval::Auto, cores));
            for (spent, behind, busy) in measured {
                less.on_frame(micros(spent), behind);
                less.on_load(micros(busy), micros(1_000));
                greater.on_frame(micros(spent + more.0), behind + more.1);
                greater.on_load(micros(busy + more.2), micros(1_000));
                prop_assert!(less.interval() <= greater.interval());
                prop_assert!(greater.interval() <= MAX_INTERVAL);
            }
        }
    }
}
