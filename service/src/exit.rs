//! The exit codes of every program that reads settings. 0 is a clean end.

use std::fmt::Display;
use std::process::ExitCode;

/// The start failed, or work was left undone.
pub const FAILED: u8 = 1;

/// The arguments or settings cannot be used (`EX_USAGE`).
pub const UNUSABLE: u8 = 64;

/// Prints what is wrong with the arguments or settings of this program, one line each.
pub fn unusable(program: &str, errors: impl IntoIterator<Item = impl Display>) -> ExitCode {
    for error in errors {
        eprintln!("{program}: {error}");
    }
    ExitCode::from(UNUSABLE)
}
