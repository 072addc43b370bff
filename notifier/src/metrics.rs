//! The notifier's metrics, which its status reports as well.

use protocol::status::NotifierFigures;
use service::metrics::{Counter, Family, Gauge, Label, Latency, Metrics};

/// The metrics of the notifier.
#[derive(Debug)]
pub struct NotifierMetrics {
    /// Arrivals of watched companies.
    pub arrivals: Counter,
    /// Arrivals of companies that were announced recently.
    pub cooled_down: Counter,
    /// Announced arrivals.
    pub announced: Counter,
    /// Arrivals that may have been announced twice.
    pub repeats: Counter,
    given_up: Family<Label, Counter>,
    /// Messages that the receiver has accepted.
    pub messages: Counter,
    /// Messages that the receiver has not accepted.
    pub failures: Counter,
    /// Arrivals that wait for the receiver.
    pub waiting: Gauge,
    /// 1 while this notifier is the one that sends.
    pub sends: Gauge,
    /// From the publication of an arrival until the receiver has accepted its message.
    pub delivery: Latency,
}

/// Why an arrival is not announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// The receiver has failed for too long.
    TooLate,
    /// The receiver refused the message.
    Refused,
    /// The visitor must no longer be shown.
    Hidden,
}

impl GivenUp {
    const ALL: [Self; 3] = [Self::TooLate, Self::Refused, Self::Hidden];

    const fn label(self) -> Label {
        let reason = match self {
            Self::TooLate => "too-late",
            Self::Refused => "refused",
            Self::Hidden => "hidden",
        };
        [("reason", reason)]
    }
}

impl NotifierMetrics {
    /// Registers all metrics.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.add(name, help, Counter::default());
        let given_up = metrics.add("given_up", "Arrivals that are not announced", Family::default());
        for reason in GivenUp::ALL {
            drop(Family::<Label, Counter>::get_or_create(
                &given_up,
                &reason.label(),
            ));
        }
        Self {
            arrivals: counter("arrivals", "Arrivals of watched companies"),
            cooled_down: counter(
                "cooled_down",
                "Arrivals of watched companies that were announced recently or are about to be",
            ),
            announced: counter("told", "Arrivals announced"),
            repeats: counter(
                "repeats",
                "Arrivals that may have been announced twice, because a notifier exited before it recorded the outcome",
            ),
            given_up,
            messages: counter("messages", "Messages that the receiver has accepted"),
            failures: counter("failures", "Attempts that the receiver has not accepted"),
            waiting: metrics.add("waiting", "Arrivals that wait for the receiver", Gauge::default()),
            sends: metrics.add(
                "sends",
                "1 while this notifier is the one that sends",
                Gauge::default(),
            ),
            delivery: metrics.latency(
                "delivery",
                "From the publication of an arrival until the receiver has accepted its message",
            ),
        }
    }

    /// Counts an arrival that is not announced.
    pub fn give_up(&self, reason: GivenUp) {
        self.given_up.get_or_create(&reason.label()).inc();
    }

    /// The figures for the status.
    #[must_use]
    pub fn figures(&self) -> NotifierFigures {
        let given_up = GivenUp::ALL.map(|reason| self.given_up.get_or_create(&reason.label()).get());
        NotifierFigures {
            sends: self.sends.get() > 0,
            told: self.announced.get(),
            waiting: self.waiting.get(),
            given_up: given_up.iter().sum(),
        }
    }
}
