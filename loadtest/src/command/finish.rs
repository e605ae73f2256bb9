//! The end of every run: its report is written and shown, what was started ends, and the exit code says whether it
//! passed.

use std::path::Path;
use std::process::ExitCode;

use crate::base::exit;
use crate::pipeline::under_test::PipelineUnderTest;
use crate::report::run::RunReport;
use crate::report::{files, table};

/// Writes and shows the report, ends what was started, and returns the exit code.
pub(crate) async fn finish(
    report: &RunReport,
    pipeline: PipelineUnderTest,
    directory: &Path,
) -> anyhow::Result<ExitCode> {
    tell(report, directory)?;
    if let Err(error) = pipeline.stop().await {
        eprintln!("the servers are not all cleaned up: {error:#}");
    }
    Ok(exit_code(report))
}

/// Writes and shows the report.
pub(crate) fn tell(report: &RunReport, directory: &Path) -> anyhow::Result<()> {
    let (page, others) = files::write(report, directory)?;
    println!("{}\nreport: {}\nbeside it: {}", table::render(report), page.display(), others.join(", "));
    Ok(())
}

/// Whether the run has passed.
pub(crate) fn exit_code(report: &RunReport) -> ExitCode {
    if report.passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) }
}
