//! What may be shown.

pub mod answer;
pub mod email;
pub mod hidden_companies;
pub mod profile;
pub mod rules;
