//! Building a Go program whose modules are pinned in `native/`.

use std::path::Path;
use std::process::Command;

/// The command that builds `package` (seen from the directory that it runs in) as the program `output`.
pub(crate) fn build(go: &Path, output: &str, package: &str) -> Command {
    let mut command = Command::new(go);
    command
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", output, package])
        // Neither a C compiler, nor a newer Go than the one that was checked, nor a workspace around us.
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off");
    command
}
