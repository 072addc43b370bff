//! Lets in who has a token: the checks of tokens and cookies, the limit on wrong attempts, and the login form.

pub mod access;
mod attempts;
pub mod login;
mod pass;
mod return_address;
