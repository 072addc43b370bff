//! The CPU time that an event costs, process by process.

use e2e::load::SIMULATORS;

use crate::report::Table;
use crate::site::Run;
use crate::watchers::CLIENTS;

/// The processes of the pipeline; those with the same name are summed.
pub const PIPELINE: [&str; 4] = ["nats-server", "ingestor", "enricher", "gateway"];

/// Microseconds per event, a row for each run; `first` distinguishes the rows.
pub fn table<'a>(first: &str, runs: impl IntoIterator<Item = (String, &'a Run)>) -> Table {
    let names = [first].into_iter().chain(PIPELINE);
    let mut table = Table::new(
        &names
            .chain(["the pipeline", "clients", "simulators"])
            .collect::<Vec<_>>(),
    );
    for (name, run) in runs {
        let each = PIPELINE.map(|process| run.cpu_per_event(process));
        let around = [
            each.iter().sum(),
            run.cpu_per_event(CLIENTS),
            run.cpu_per_event(SIMULATORS),
        ];
        let micros = each
            .into_iter()
            .chain(around)
            .map(|micros| format!("{micros:.2}"));
        table.row(&std::iter::once(name).chain(micros).collect::<Vec<_>>());
    }
    table
}
