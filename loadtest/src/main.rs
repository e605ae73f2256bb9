//! The load lab as a program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    loadtest::main(std::env::args().collect())
}
