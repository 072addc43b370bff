//! Counts the calls of the Deanonymizer and their results, which are the base of its bill.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::Failure;
use crate::world::address::canonical;

/// The counts of a Deanonymizer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeanonymizerStats {
    /// Calls, however they ended.
    pub calls: u64,
    /// Answers by HTTP status, garbage included.
    pub by_status: BTreeMap<u16, u64>,
    /// Addresses asked about, all spellings of one being one.
    pub distinct_ips: usize,
    /// The address asked about most often.
    pub most_calls_for_one_ip: Option<BusiestIp>,
    /// Calls that got the right answer, 200 or 404.
    pub successes: u64,
    /// Calls without an answer yet, those that hang included.
    pub in_flight: u64,
    /// Maximum number of calls that were without an answer at once.
    pub most_in_flight: u64,
    /// Calls that were left hanging.
    pub hung: u64,
    /// Calls that were answered with garbage.
    pub garbage: u64,
}

/// The address asked about most often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BusiestIp {
    /// Its canonical spelling.
    pub ip: String,
    /// The calls for it.
    pub calls: u64,
}

/// The counts of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IpStats {
    /// Calls, however they ended.
    pub calls: u64,
    /// Calls that got the right answer.
    pub successes: u64,
    /// How the address was spelled.
    pub spellings: BTreeSet<String>,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    totals: DeanonymizerStats,
    by_ip: HashMap<String, IpStats>,
}

impl Ledger {
    /// A call has come in.
    pub(super) fn begin(&mut self, ip: &str) {
        self.totals.calls += 1;
        self.totals.in_flight += 1;
        self.totals.most_in_flight = self.totals.most_in_flight.max(self.totals.in_flight);
        let stats = self.by_ip.entry(canonical(ip)).or_default();
        stats.calls += 1;
        if !stats.spellings.contains(ip) {
            stats.spellings.insert(ip.to_owned());
        }
    }

    /// How the call will end has been decided.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.totals.hung += u64::from(failure == Failure::Hang);
        self.totals.garbage += u64::from(failure.is_garbage());
    }

    /// The call is answered.
    pub(super) fn answer(&mut self, ip: &str, status: u16, is_right: bool) {
        *self.totals.by_status.entry(status).or_default() += 1;
        if is_right {
            self.totals.successes += 1;
            self.by_ip.entry(canonical(ip)).or_default().successes += 1;
        }
    }

    /// The call is over, answered or not.
    pub(super) fn end(&mut self) {
        self.totals.in_flight -= 1;
    }

    /// Resets the maximum number of concurrent calls.
    pub(super) fn forget_most_in_flight(&mut self) {
        self.totals.most_in_flight = self.totals.in_flight;
    }

    pub(super) fn ip(&self, ip: &str) -> IpStats {
        self.by_ip.get(&canonical(ip)).cloned().unwrap_or_default()
    }

    pub(super) fn stats(&self) -> DeanonymizerStats {
        let busiest = self.by_ip.iter().max_by_key(|(_, stats)| stats.calls);
        DeanonymizerStats {
            distinct_ips: self.by_ip.len(),
            most_calls_for_one_ip: busiest.map(|(ip, stats)| BusiestIp {
                ip: ip.clone(),
                calls: stats.calls,
            }),
            ..self.totals.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_one_address() {
        let mut ledger = Ledger::default();
        for ip in ["2001:db8::1", "2001:DB8::1", "2001:db8::1", "1.2.3.4"] {
            ledger.begin(ip);
        }
        ledger.answer("2001:DB8::1", 200, true);
        ledger.end();
        let stats = ledger.ip("2001:0db8::1");
        assert_eq!((stats.calls, stats.successes), (3, 1));
        assert_eq!(
            stats.spellings,
            ["2001:DB8::1", "2001:db8::1"].map(str::to_owned).into()
        );
        let stats = ledger.stats();
        assert_eq!(
            (stats.calls, stats.distinct_ips, stats.in_flight, stats.successes),
            (4, 2, 3, 1)
        );
        assert_eq!(
            stats.most_calls_for_one_ip,
            Some(BusiestIp {
                ip: "2001:db8::1".to_owned(),
                calls: 3
            })
        );
    }

    #[test]
    fn wire_form() {
        let mut ledger = Ledger::default();
        ledger.begin("1.2.3.4");
        ledger.fail(Failure::WrongIp);
        ledger.answer("1.2.3.4", 200, false);
        ledger.end();
        assert_eq!(
            serde_json::to_value(ledger.stats()).unwrap(),
            serde_json::json!({
                "calls": 1, "byStatus": { "200": 1 }, "distinctIps": 1,
                "mostCallsForOneIp": { "ip": "1.2.3.4", "calls": 1 },
                "successes": 0, "inFlight": 0, "mostInFlight": 1, "hung": 0, "garbage": 1,
            })
        );
    }
}
