//! The options of `compare`.

use std::path::PathBuf;

use clap::Args;

use super::values::percent;
use crate::base::exit::Unusable;

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The report.json of a run, or the directory that it is in, and then that of the run to judge; with --with, all of
    /// these are runs of the first side
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
    /// Several runs to judge, such as: compare A1 A2 A3 --with B1 B2 B3
    #[arg(long, value_name = "REPORT", num_args = 1..)]
    with: Vec<PathBuf>,
    /// A change for the worse is a regression if several runs show that it is larger than this
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub(crate) tolerance: f64,
}

impl CompareOptions {
    /// The reports of the first side, and those of the side to judge.
    pub(crate) fn sides(&self) -> Result<[&[PathBuf]; 2], Unusable> {
        match (&self.reports[..], &self.with[..]) {
            ([base, with], []) => Ok([std::slice::from_ref(base), std::slice::from_ref(with)]),
            (reports, []) => {
                let count = reports.len();
                Err(Unusable(format!(
                    "name two reports, not {count}, or the ones to judge after --with: compare A1 A2 --with B1 B2"
                )))
            }
            (base, with) => Ok([base, with]),
        }
    }
}
