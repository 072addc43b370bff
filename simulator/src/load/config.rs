//! The settings of a load.

/// The configuration of a load.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// Events per second.
    pub rate: f64,
    /// How many sessions are live, once that many have opened.
    pub sessions: usize,
    /// Who the visitors are.
    pub mix: Mix,
    /// How many addresses the visitors come from; as many lookups are needed.
    pub addresses: u32,
    /// The share of steps that close a session and open another, which makes two events; all other steps are a
    /// keep-alive each.
    pub churn: f64,
    /// Seed of the [`World`](crate::world::World) that the visitors are from. The Deanonymizer's should be the same.
    pub seed: u64,
    /// Seed of the arrivals. Two loads with the same seed send the same GUIDs, so a pipeline that remembers closed sessions
    /// ignores those of the second one.
    pub course: u64,
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self {
            rate: 1_000.0,
            sessions: 1_000,
            mix: Mix::Real,
            addresses: 1_000,
            churn: 0.18,
            seed: 0,
            course: 0,
        }
    }
}

/// Who the visitors of a load are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Visitors that the Deanonymizer knows and that are shown.
    Light,
    /// A realistic mix: 25 % with company and contact, 37 % with a company, 26 % from data centres, 11 % unknown,
    /// 1 % known without either.
    Real,
}
