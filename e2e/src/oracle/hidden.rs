//! The companies that are hidden besides the data centres, as they change during a run. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocol::Timestamp;
use simulator::world::World;

/// How long rows of a company may still be shown after the last enricher got the rule.
pub const GRACE: Duration = Duration::from_secs(5);

/// Which companies are hidden besides the data centres, by guid in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenCompanies {
    /// Each with the time at which the last enricher got the rule; `None` until then.
    hidden: BTreeMap<String, Option<Timestamp>>,
    /// Companies that were hidden before.
    released: BTreeSet<String>,
}

/// Whether the sessions of an address are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// They are shown.
    Shown,
    /// They are not shown.
    Hidden,
    /// Their company was hidden: they may be shown again, or not before the verdict is renewed.
    Either,
}

impl HiddenCompanies {
    /// Hides only the data centres.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            hidden: BTreeMap::new(),
            released: BTreeSet::new(),
        }
    }

    /// The first enricher gets rules that hide the company.
    pub fn hide(&mut self, company: &str) {
        let company = company.to_lowercase();
        self.released.remove(&company);
        self.hidden.insert(company, None);
    }

    /// All enrichers have the new rules.
    pub fn rules_applied(&mut self, at: Timestamp) {
        for applied_at in self.hidden.values_mut() {
            applied_at.get_or_insert(at);
        }
    }

    /// The first enricher gets rules that hide only the data centres.
    pub fn release_all(&mut self) {
        self.released.extend(std::mem::take(&mut self.hidden).into_keys());
    }

    /// The companies that are hidden.
    pub fn companies(&self) -> impl Iterator<Item = &str> {
        self.hidden.keys().map(String::as_str)
    }

    /// Whether the company has ever been hidden.
    #[must_use]
    pub fn knows(&self, company: &str) -> bool {
        let company = company.to_lowercase();
        self.hidden.contains_key(&company) || self.released.contains(&company)
    }

    /// The companies whose rows may not be shown at that time, not even briefly.
    #[must_use]
    pub fn in_force(&self, at: Timestamp) -> BTreeSet<String> {
        let in_force =
            |applied_at: &Option<Timestamp>| applied_at.is_some_and(|applied| applied + GRACE <= at);
        self.hidden
            .iter()
            .filter(|(_, applied_at)| in_force(applied_at))
            .map(|(company, _)| company.clone())
            .collect()
    }

    /// Whether the sessions of an address are shown once all rules are applied.
    #[must_use]
    pub fn visibility(&self, world: World, ip: &str) -> Visibility {
        if world.kind_of(ip).is_data_centre() {
            return Visibility::Hidden;
        }
        if self.hidden.is_empty() && self.released.is_empty() {
            return Visibility::Shown;
        }
        match company_of(world, ip) {
            Some(company) if self.hidden.contains_key(&company) => Visibility::Hidden,
            Some(company) if self.released.contains(&company) => Visibility::Either,
            _ => Visibility::Shown,
        }
    }
}

/// The company behind an address, by guid in lower case.
#[must_use]
pub fn company_of(world: World, ip: &str) -> Option<String> {
    let answer = world.answer(ip);
    Some(answer.company()?.guid.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::time::unix_ms;
    use simulator::world::Kind;

    #[test]
    fn a_company_is_hidden_until_it_is_released_and_then_it_may_be_either() {
        let world = World::new(0);
        let ip = world.ip(Kind::CompanyOnly, 1);
        let company = company_of(world, &ip).unwrap();
        let mut hidden = HiddenCompanies::default();
        assert_eq!(hidden.visibility(world, &ip), Visibility::Shown);
        hidden.hide(&company.to_uppercase());
        assert_eq!(hidden.visibility(world, &ip), Visibility::Hidden);
        hidden.release_all();
        assert_eq!(hidden.visibility(world, &ip), Visibility::Either);
        let data_centre = world.ip(Kind::NexaCore, 1);
        assert_eq!(hidden.visibility(world, &data_centre), Visibility::Hidden);
    }

    #[test]
    fn rules_are_in_force_some_seconds_after_all_were_updated() {
        let mut hidden = HiddenCompanies::default();
        hidden.hide("A");
        assert!(hidden.in_force(Timestamp::MAX).is_empty());
        hidden.rules_applied(unix_ms(1_000));
        assert!(hidden.in_force(unix_ms(5_999)).is_empty());
        assert!(hidden.in_force(unix_ms(6_000)).contains("a"));
        hidden.rules_applied(unix_ms(9_000));
        assert!(
            hidden.in_force(unix_ms(6_000)).contains("a"),
            "the rule was applied before"
        );
    }
}
