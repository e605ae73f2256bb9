//! Submissions as a program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    submissions::main(std::env::args().skip(1).collect())
}
