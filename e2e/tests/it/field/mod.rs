//! Connections to third-party systems: emitters, proxies, certificate authorities and NATS servers with their own rules.

mod certificates;
mod emitter_access;
mod frames;
mod nats;
mod nats_domains;
mod nats_names;
mod nats_operator;
mod nats_settings;
mod scripted_emitter;
mod secrets;
mod several_emitters;
mod standalone;
mod third_party_proxies;
