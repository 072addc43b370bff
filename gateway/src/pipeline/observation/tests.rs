use super::*;
use proptest::prelude::*;
use protocol::status::{EnricherFigures, GatewayFigures, IngestorFigures};
use protocol::time::unix_ms;

const STALE_AFTER: Millis = 60_000;
const OWN: &str = "own";

fn status(figures: Figures, started_at: Timestamp) -> Status {
    Status {
        figures,
        instance: OWN.into(),
        at: unix_ms(0),
        started_at,
        clock_offset_seconds: None,
        ready: true,
        reason: None,
        stopping: None,
    }
}

fn ingestor(started_at: Timestamp, waiting: u64) -> Status {
    let figures = IngestorFigures {
        waiting,
        ..IngestorFigures::default()
    };
    status(Figures::Ingestor(figures), started_at)
}

fn enricher(queue_waiting: u64) -> Status {
    let figures = EnricherFigures {
        queue_waiting,
        ..EnricherFigures::default()
    };
    status(Figures::Enricher(figures), unix_ms(0))
}

/// An observation and the statuses that reach it each second.
struct World {
    observation: Observation,
    now: Timestamp,
    ingestor: Option<Status>,
    enricher: Option<Status>,
    is_connected: bool,
}

impl World {
    /// Everything has run for a while.
    fn running() -> Self {
        let mut world = Self::starting();
        world.observation.read(true, unix_ms(0));
        world.pass(10_000);
        assert_eq!(world.observation.interruptions(), []);
        world
    }

    fn starting() -> Self {
        Self {
            observation: Observation::new(STALE_AFTER, unix_ms(0)),
            now: unix_ms(0),
            ingestor: Some(ingestor(unix_ms(0), 0)),
            enricher: Some(enricher(0)),
            is_connected: true,
        }
    }

    /// Lets this many milliseconds pass.
    fn pass(&mut self, millis: Millis) {
        for _ in 0..millis / 1_000 {
            self.now += 1_000;
            let own = status(Figures::Gateway(GatewayFigures::default()), unix_ms(0));
            let heard = [self.ingestor.clone(), self.enricher.clone(), Some(own)];
            for status in heard.into_iter().flatten().filter(|_| self.is_connected) {
                self.observation.received(&status, OWN, self.now);
            }
            self.observation.update(self.now);
        }
    }

    fn reads(&mut self, all: bool) {
        self.observation.read(all, self.now);
    }

    fn cut_off(&self) -> Vec<(Part, Timestamp)> {
        let interruptions = self.observation.interruptions();
        interruptions.iter().map(|part| (part.part, part.since)).collect()
    }

    /// How far the clock is behind.
    fn behind(&self) -> Millis {
        self.now - self.observation.clock(self.now)
    }
}

#[test]
fn the_clock_is_the_servers_while_everything_is_observed() {
    let mut world = World::running();
    for _ in 0..100 {
        world.pass(1_000);
        assert_eq!((world.behind(), world.observation.as_of()), (0, None));
    }
}

/// Both are in the same frames, and a client that gets one without the other shows times that jump.
#[test]
fn interruptions_begin_together_with_the_time_of_the_data() {
    let mut world = World::running();
    world.ingestor = None;
    world.pass(SILENT_AFTER);
    // Frames may be sent between two updates.
    world.now += 240;
    assert!(!world.observation.cut_off(world.now).is_empty(), "it is due");
    assert_eq!((world.cut_off(), world.observation.as_of()), (vec![], None));
    world.observation.update(world.now);
    let since = unix_ms(10_000);
    assert_eq!(world.cut_off(), [(Part::Ingestors, since)]);
    assert_eq!(world.observation.as_of(), Some(since));
}

#[test]
fn a_gateway_that_hears_nobody_from_the_start_says_so() {
    let mut world = World::starting();
    (world.ingestor, world.enricher) = (None, None);
    world.reads(true);
    world.pass(2_000);
    assert_eq!(
        world.cut_off(),
        [(Part::Ingestors, unix_ms(0)), (Part::Enrichers, unix_ms(0))]
    );
    assert!(!world.observation.has_begun() && world.observation.is_interrupted());
    assert_eq!(world.observation.as_of(), Some(unix_ms(0)));
    assert_eq!(world.behind(), 0, "what was stale before the start is not shown");
    (world.ingestor, world.enricher) = (Some(ingestor(unix_ms(0), 0)), Some(enricher(0)));
    world.pass(1_000);
    assert!(world.observation.has_begun() && !world.observation.is_interrupted());
}

#[test]
fn nothing_goes_stale_while_streams_are_unreadable_or_the_backlog_is_processed() {
    let mut world = World::running();
    world.reads(false);
    world.is_connected = false;
    world.pass(300_000);
    assert_eq!(world.cut_off(), [(Part::Streams, unix_ms(10_000))]);
    assert_eq!(world.behind(), 300_000);
    assert_eq!(world.observation.as_of(), Some(unix_ms(10_000)));

    world.is_connected = true;
    world.reads(true);
    world.enricher = Some(enricher(5_000));
    world.pass(10_000);
    assert_eq!(world.cut_off(), [(Part::Backlog, unix_ms(311_000))]);
    assert_eq!(world.behind(), 310_000);
    world.enricher = Some(enricher(0));
    world.ingestor = Some(ingestor(unix_ms(0), 5_000));
    world.pass(10_000);
    assert_eq!(world.behind(), 320_000);
    world.ingestor = Some(ingestor(unix_ms(0), 10));
    world.pass(4_000);
    assert_eq!((world.behind(), world.cut_off()), (0, vec![]));
}

#[test]
fn a_backlog_is_waited_for_no_longer_than_a_session_may_be_silent() {
    let mut world = World::running();
    world.reads(false);
    world.pass(300_000);
    world.reads(true);
    world.enricher = Some(enricher(5_000));
    world.pass(STALE_AFTER - 1_000);
    assert!(world.observation.is_interrupted());
    world.pass(1_000);
    assert_eq!((world.behind(), world.cut_off()), (0, vec![]));
}

#[test]
fn unnoticed_disconnection_is_distinguished_from_missing_processes() {
    let mut world = World::running();
    world.is_connected = false;
    world.pass(6_000);
    assert_eq!(world.cut_off(), [(Part::Streams, unix_ms(10_000))]);
    assert_eq!(world.behind(), 6_000 - GRACE, "it stopped before that was known");

    let mut world = World::running();
    (world.ingestor, world.enricher) = (None, None);
    world.pass(6_000);
    assert_eq!(
        world.cut_off(),
        [
            (Part::Ingestors, unix_ms(10_000)),
            (Part::Enrichers, unix_ms(10_000))
        ]
    );
}

#[test]
fn the_time_without_any_ingestor_does_not_count() {
    let mut world = World::running();
    world.ingestor = None;
    world.pass(300_000);
    assert_eq!(world.cut_off(), [(Part::Ingestors, unix_ms(10_000))]);
    let stands_at = unix_ms(10_000) + GRACE;
    assert_eq!(world.observation.clock(world.now), stands_at);

    world.ingestor = Some(ingestor(world.now, 0));
    world.pass(5_000);
    let after = world.observation.clock(world.now) - stands_at;
    assert!(
        (0..5_000).contains(&after),
        "it resumes where it stopped: {after}"
    );
    world.pass(STALE_AFTER);
    assert_eq!(
        world.behind(),
        0,
        "every session from before has had an event by now"
    );
}

#[test]
fn time_without_any_enricher_counts_once_the_queue_is_processed() {
    let mut world = World::running();
    world.enricher = None;
    world.pass(300_000);
    assert_eq!(world.cut_off(), [(Part::Enrichers, unix_ms(10_000))]);
    assert_eq!(world.observation.clock(world.now), unix_ms(10_000) + GRACE);
    world.enricher = Some(enricher(5_000));
    world.pass(3_000);
    assert!(world.observation.is_interrupted());
    world.enricher = Some(enricher(0));
    world.pass(5_000);
    assert_eq!((world.behind(), world.cut_off()), (0, vec![]));
}

#[test]
fn an_ingestor_that_read_while_it_was_cut_off_proves_it_by_its_events() {
    let mut world = World::running();
    let same = world.ingestor.take();
    world.pass(300_000);
    world.ingestor = same;
    world.pass(1_000);
    for received_at in (15_000..world.now.unix_ms()).step_by(500).map(unix_ms) {
        world.observation.witness(received_at, world.now);
    }
    world.pass(4_000);
    assert!(world.behind() < 10_000, "{}", world.behind());
}

#[test]
fn an_ingestor_that_was_frozen_read_nothing_meanwhile() {
    let mut world = World::running();
    let same = world.ingestor.take();
    world.pass(300_000);
    world.ingestor = same;
    world.pass(1_000);
    world.observation.witness(world.now - 200, world.now);
    world.pass(4_000);
    assert!(world.behind() > 290_000, "{}", world.behind());
}

#[test]
fn only_time_without_an_ingestor_is_excluded_after_a_nats_outage() {
    let mut world = World::running();
    world.reads(false);
    world.is_connected = false;
    world.pass(300_000);
    world.is_connected = true;
    world.reads(true);
    // One that was started a while ago, while we were deaf.
    world.ingestor = Some(ingestor(world.now - 20_000, 0));
    world.pass(5_000);
    assert_eq!(world.behind(), 280_000 - GRACE);
}

#[test]
fn a_step_of_the_servers_clock_changes_nothing() {
    for by in [3_600_000, -3_600_000] {
        let mut world = World::running();
        world.ingestor = None;
        world.pass(30_000);
        let (before, as_of) = (world.behind(), world.observation.as_of().unwrap());
        world.now += by;
        world.observation.shift(by);
        assert_eq!(world.behind(), before);
        assert_eq!(world.observation.as_of(), Some(as_of + by));
    }
}

proptest! {
    /// For all sequences of statuses, the clock never runs back or ahead, and stops while a status is missing.
    #[test]
    fn the_clock_goes_on_or_stands_still(
        steps in proptest::collection::vec((any::<(bool, bool, bool)>(), 1..40i64, any::<bool>()), 1..12)
    ) {
        let mut world = World::running();
        let mut before = world.observation.clock(world.now);
        for ((ingestor_there, enricher_there, connected), seconds, restarted) in steps {
            let started_at = if restarted { world.now } else { unix_ms(0) };
            world.ingestor = ingestor_there.then(|| ingestor(started_at, 0));
            world.enricher = enricher_there.then(|| enricher(0));
            world.is_connected = connected;
            world.reads(connected);
            for _ in 0..seconds {
                let stood_still = world.observation.as_of();
                world.pass(1_000);
                let clock = world.observation.clock(world.now);
                prop_assert!(clock >= before && clock <= world.now);
                let as_of = world.observation.as_of();
                prop_assert_eq!(as_of.is_none(), world.observation.interruptions().is_empty());
                if let (Some(before_as_of), Some(as_of)) = (stood_still, as_of) {
                    prop_assert_eq!((clock, as_of), (before, before_as_of));
                }
                before = clock;
            }
        }
    }
}
