//! Authorizes requests: tokens, cookies, the limit on wrong tokens, and the login form.

pub mod access;
mod attempts;
pub mod login;
pub mod middleware;
mod pass;
mod return_address;
