//! The producer as a program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    producer::main(std::env::args().skip(1).collect())
}
