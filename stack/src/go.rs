//! Builds a Go program whose modules are pinned in `native/`.

use std::path::Path;
use std::process::Command;

/// The command that builds `package` (relative to its working directory) as the program `output`.
pub(crate) fn build(go: &Path, output: &str, package: &str) -> Command {
    let mut command = Command::new(go);
    command
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, package])
        // Use no C compiler, no newer Go than the one that was checked, and no enclosing workspace.
        .env("CGO_ENABLED", "0")
        // The compiler collects its garbage more seldom, so FerretDB takes a fifth less CPU to build.
        .env("GOGC", "400")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off");
    command
}
