//! Connections to what others run: emitters, proxies, authorities and NATS servers with rules of their own.

mod several_emitters;
