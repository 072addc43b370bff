//! Verdicts that the fleet already has: the shared bucket, this enricher's copy of it, deferrals, and the secret its keys are made with.

pub mod claim_gate;
pub mod deferral;
pub mod deferrals;
pub mod entry;
pub mod holders;
pub mod leases;
pub mod local;
pub mod secrets;
pub mod shared;
pub mod shared_account;
pub mod shared_bill;
pub mod verdict_store;
