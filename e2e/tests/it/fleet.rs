//! One paid lookup for each address across the fleet of enrichers, and a failing Deanonymizer blocks nothing.

mod account;
mod answer_table;
mod answers;
mod at_once;
mod bill;
mod budget;
mod departed;
mod explain;
mod faults;
mod kills;
mod known;
mod outage;
mod slow;
mod stored;
mod unidentified;
mod unusable;
mod verdicts;
mod weak;
