# The images of the pipeline, one target each: ingestor, enricher, gateway, notifier, collector, simulator.

FROM rust:1-bookworm AS binaries
WORKDIR /src
COPY . .
# What `PROCESS --version` says; empty for a local build.
ARG BUILD_COMMIT= BUILD_DATE=
# The caches outlive the layer, so that a change recompiles what it touches and no more; they are not part of
# the image, hence the copy in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked -p ingestor -p enricher -p gateway -p notifier -p collector -p simulator \
    && install -D --strip --target-directory /binaries \
       target/release/ingestor target/release/enricher target/release/gateway target/release/notifier target/release/collector target/release/simulator

FROM node:22-bookworm-slim AS page
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY protocol/fixtures ../protocol/fixtures
COPY frontend ./
COPY collector/tracker ../collector/tracker
RUN npm run build && npm run build:tracker

FROM debian:bookworm-slim AS runtime
# For wss://, https:// and tls://, whose other ends are not ours.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
USER 65532:65532
STOPSIGNAL SIGTERM

FROM runtime AS ingestor
COPY --from=binaries /binaries/ingestor /usr/local/bin/
ENV HTTP_LISTEN=0.0.0.0:9101
EXPOSE 9101
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["ingestor", "healthcheck"]
ENTRYPOINT ["ingestor"]

FROM runtime AS enricher
COPY --from=binaries /binaries/enricher /usr/local/bin/
COPY enricher/providers /usr/local/share/enricher/providers
ENV HTTP_LISTEN=0.0.0.0:9102
EXPOSE 9102
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["enricher", "healthcheck"]
ENTRYPOINT ["enricher"]

FROM runtime AS gateway
COPY --from=binaries /binaries/gateway /usr/local/bin/
COPY --from=page /src/frontend/dist /usr/local/share/gateway
ENV LISTEN=0.0.0.0:3000 ASSETS=/usr/local/share/gateway
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["gateway", "healthcheck"]
ENTRYPOINT ["gateway"]

FROM runtime AS notifier
COPY --from=binaries /binaries/notifier /usr/local/bin/
ENV HTTP_LISTEN=0.0.0.0:9104
EXPOSE 9104
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["notifier", "healthcheck"]
ENTRYPOINT ["notifier"]

FROM runtime AS collector
COPY --from=binaries /binaries/collector /usr/local/bin/
COPY --from=page /src/collector/tracker/dist/v.js /usr/local/share/collector/v.js
ENV LISTEN=0.0.0.0:8090 EMITTER_LISTEN=0.0.0.0:8081 HTTP_LISTEN=0.0.0.0:9103 TRACKER=/usr/local/share/collector/v.js
EXPOSE 8090 8081 9103
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["collector", "healthcheck"]
ENTRYPOINT ["collector"]

# `emitter` or `deanonymizer` follows as the command, and brings its own health check: each has its own port.
FROM debian:bookworm-slim AS simulator
COPY --from=binaries /binaries/simulator /usr/local/bin/
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["simulator"]
