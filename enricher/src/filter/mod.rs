//! What may be shown: everything that reads an unfiltered answer is in this folder.

pub mod answer;
pub mod email;
pub mod hidden_companies;
pub mod profile;
pub mod rules;
