//! `PROCESS check-config`: what the process would do with these flags and what it can reach, without doing it.

mod nats;
mod plan;
mod reach;
mod settings;

use std::process::ExitCode;

use self::plan::Finding;
pub use self::plan::{Plan, Target};
use super::flags::{Common, bad_configuration};
use super::version::version;

/// Prints the report on a process. `common` is `None` for a process without NATS.
pub(super) async fn run<F: clap::Parser>(plan: anyhow::Result<Plan>, common: Option<&Common>) -> ExitCode {
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => return bad_configuration(&format!("error: {error:#}")),
    };
    let command = F::command();
    let name = command.get_name();
    println!("{name} {}", version());
    print_list("Settings that differ from the defaults", &settings::given::<F>());
    let does: Vec<_> = plan.does.iter().map(|text| format!("  {text}")).collect();
    print_list("What it would do", &does);
    let mut findings: Vec<_> = plan.problems.into_iter().map(Finding::Problem).collect();
    findings.extend(plan.notes.into_iter().map(Finding::Note));
    if let Some(common) = common {
        match nats::look(name, common, &plan.streams).await {
            Ok(found) => findings.extend(found),
            Err(error) => return bad_configuration(&format!("error: {error:#}")),
        }
    }
    for target in &plan.reaches {
        findings.push(reach::look(target).await);
    }
    let lines: Vec<_> = findings.iter().map(Finding::line).collect();
    print_list("What was found", &lines);
    let problems = findings
        .iter()
        .filter(|finding| matches!(finding, Finding::Problem(_)))
        .count();
    match problems {
        0 => {
            println!("\nEverything is in order.");
            ExitCode::SUCCESS
        }
        1 => {
            println!("\nOne problem.");
            ExitCode::FAILURE
        }
        _ => {
            println!("\n{problems} problems.");
            ExitCode::FAILURE
        }
    }
}

fn print_list(heading: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("\n{heading}:\n{}", lines.join("\n"));
    }
}
