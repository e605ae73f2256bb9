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

/// Whether the run has passed, and has shown what it was for.
pub(crate) fn exit_code(report: &RunReport) -> ExitCode {
    match &report.drift {
        _ if !report.passed => ExitCode::from(exit::THRESHOLD_FAILED),
        Some(drift) if !drift.unclear().is_empty() => ExitCode::from(exit::CANNOT_TELL),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::run::tests::{example, fill};

    #[test]
    fn a_soak_that_shows_nothing_has_neither_passed_nor_failed() {
        let mut report = example();
        assert_eq!(exit_code(&report), ExitCode::from(exit::THRESHOLD_FAILED));
        report.passed = true;
        assert_eq!(exit_code(&report), ExitCode::SUCCESS);
        fill(&mut report);
        assert_eq!(exit_code(&report), ExitCode::from(exit::CANNOT_TELL), "30 s show no growth by the hour");
        report.drift.as_mut().unwrap().growths.clear();
        assert_eq!(exit_code(&report), ExitCode::from(exit::CANNOT_TELL), "nothing was seen");
        report.passed = false;
        assert_eq!(exit_code(&report), ExitCode::from(exit::THRESHOLD_FAILED));
    }
}
