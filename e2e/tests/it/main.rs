//! The whole pipeline, seen from outside: what each rule of DESIGN 6 and each pathology of DESIGN 8 comes to on the
//! screen, on the wire and in the logs.

mod api;
mod backpressure;
mod chaos;
mod clocks;
mod closings;
mod cluster;
mod command_line;
mod deanonymizer;
mod emitter;
mod fleet;
mod freezes;
mod hostile;
mod identity;
mod inspecting;
mod interruptions;
mod leaks;
mod live;
mod logs;
mod lost_streams;
mod observability;
mod outages;
mod page;
mod processes;
mod providers;
mod readme;
mod replay;
mod rules;
mod security;
mod sessions;
mod snapshots;
mod statuses;
mod streams;
mod traces;
mod wire;
