//! `loadtest compare`: the reports of runs side by side, with what the data say about every difference.

use std::process::ExitCode;

use crate::base::exit::{self, Unusable};
use crate::command::options::CompareOptions;
use crate::report::compare::judgement::Comparison;
use crate::report::compare::read::Side;
use crate::report::compare::table;

/// Compares, prints, and returns the exit code.
pub(crate) fn compare(options: &CompareOptions) -> Result<ExitCode, Unusable> {
    let [base, with] = options.sides()?;
    let (base, with) = (Side::read(base)?, Side::read(with)?);
    base.same_kind(&with)?;
    let comparison = Comparison::of(&base, &with, options.tolerance);
    println!("{}", table::render(&base, &with, &comparison));
    let has_regressed = !(comparison.regressions().is_empty() && comparison.more_findings().is_empty());
    Ok(if has_regressed { ExitCode::from(exit::THRESHOLD_FAILED) } else { ExitCode::SUCCESS })
}
