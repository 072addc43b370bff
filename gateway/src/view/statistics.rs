//! The statistics, updated with each session that appears or leaves. Pure.

use std::collections::HashMap;

use protocol::frame::Stats;
use protocol::guid::Identity;
use protocol::{Company, Timestamp};

/// Sums over the sessions shown.
#[derive(Debug, Default)]
pub struct Statistics {
    sessions: u64,
    with_company: u64,
    companies: HashMap<Identity, u64>,
    /// Wide enough for the sum of any number of times.
    opened_at_sum: i128,
}

impl Statistics {
    /// Adds a session.
    pub fn add(&mut self, opened_at: Timestamp, company: Option<&Company>) {
        self.sessions += 1;
        self.opened_at_sum += i128::from(opened_at.unix_ms());
        if let Some(company) = company {
            self.with_company += 1;
            *self.companies.entry(Identity::of(&company.guid)).or_default() += 1;
        }
    }

    /// Removes a session that was added with the same values.
    pub fn remove(&mut self, opened_at: Timestamp, company: Option<&Company>) {
        self.sessions -= 1;
        self.opened_at_sum -= i128::from(opened_at.unix_ms());
        if let Some(company) = company {
            self.with_company -= 1;
            let key = Identity::of(&company.guid);
            if let Some(sessions) = self.companies.get_mut(&key) {
                *sessions -= 1;
                if *sessions == 0 {
                    self.companies.remove(&key);
                }
            }
        }
    }

    /// The statistics at that time.
    pub fn stats(&self, being_identified: u64, now: Timestamp) -> Stats {
        let companies = self.companies.len() as u64;
        let duration_sum = i128::from(self.sessions) * i128::from(now.unix_ms()) - self.opened_at_sum;
        Stats {
            active_sessions: self.sessions,
            being_identified,
            companies,
            average_visitors_per_company: mean(self.with_company as f64, companies),
            // An opening may be in the future, because clocks differ.
            average_session_seconds: mean(duration_sum.max(0) as f64 / 1000.0, self.sessions),
            as_of: None,
        }
    }

    /// The number of sessions.
    pub fn sessions(&self) -> u64 {
        self.sessions
    }
}

fn mean(sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::time::unix_ms;

    fn company(guid: &str) -> Company {
        Company {
            guid: guid.into(),
            name: "N".into(),
            domain: "n.example".into(),
        }
    }

    #[test]
    fn averages_over_the_sessions_shown() {
        let mut statistics = Statistics::default();
        statistics.add(unix_ms(0), Some(&company("A")));
        statistics.add(unix_ms(1000), Some(&company("a")));
        statistics.add(unix_ms(2000), Some(&company("b")));
        statistics.add(unix_ms(3000), None);
        let stats = statistics.stats(2, unix_ms(4000));
        assert_eq!(
            (stats.active_sessions, stats.being_identified, stats.companies),
            (4, 2, 2)
        );
        assert!((stats.average_visitors_per_company - 1.5).abs() < 1e-9);
        assert!((stats.average_session_seconds - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_company_is_one_in_every_spelling_of_its_guid() {
        let mut statistics = Statistics::default();
        for guid in [
            "b8e8879e-3382-4908-8f1e-7638473d0913",
            "{B8E8879E-3382-4908-8F1E-7638473D0913}",
            "urn:uuid:b8e8879e-3382-4908-8f1e-7638473d0913",
            "b8e8879e338249088f1e7638473d0913",
        ] {
            statistics.add(unix_ms(0), Some(&company(guid)));
        }
        assert_eq!(statistics.stats(0, unix_ms(0)).companies, 1);
        statistics.remove(
            unix_ms(0),
            Some(&company("(b8e8879e-3382-4908-8f1e-7638473d0913)")),
        );
        assert_eq!(statistics.stats(0, unix_ms(0)).companies, 1);
    }

    #[test]
    fn no_session_has_lasted_less_than_no_time() {
        let mut statistics = Statistics::default();
        statistics.add(unix_ms(600_000), None);
        assert!(statistics.stats(0, unix_ms(4000)).average_session_seconds.abs() < 1e-9);
    }

    #[test]
    fn nothing_to_average() {
        assert_eq!(Statistics::default().stats(0, unix_ms(4000)), Stats::default());
    }

    proptest! {
        #[test]
        fn incremental_statistics_match_a_full_recount(
            sessions in proptest::collection::vec((0..10_000i64, proptest::option::of("[a-c]")), 0..40),
            kept in 0..40usize,
        ) {
            let sessions: Vec<_> = sessions.into_iter().map(|(at, guid)| (unix_ms(at), guid.map(|guid| company(&guid)))).collect();
            let kept = kept.min(sessions.len());
            let mut all = Statistics::default();
            for (at, company) in &sessions {
                all.add(*at, company.as_ref());
            }
            for (at, company) in &sessions[kept..] {
                all.remove(*at, company.as_ref());
            }
            let mut only_kept = Statistics::default();
            for (at, company) in &sessions[..kept] {
                only_kept.add(*at, company.as_ref());
            }
            prop_assert_eq!(all.stats(0, unix_ms(20_000)), only_kept.stats(0, unix_ms(20_000)));
        }
    }
}
