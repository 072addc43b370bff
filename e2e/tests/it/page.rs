//! The real page in a real browser, on the real pipeline.

pub mod browser;
mod figures;
mod keyboard;
mod line;
mod login;
mod selling;
mod table;
mod truth;
mod visited;
mod watchlist;
