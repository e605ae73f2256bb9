//! `cargo run -p tidy` writes what comes from the code: the tables of the README, and the OpenAPI documents.

use std::path::Path;

use anyhow::{Context, anyhow};
use tidy::{openapi, reference};

fn main() -> anyhow::Result<()> {
    let of = |file: &str| Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(file);
    let path = of(reference::DOCUMENT);
    let document = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let current = reference::current(&document).map_err(|error| anyhow!("{}: {error}", reference::DOCUMENT))?;
    let snapshots = openapi::snapshots().map(|(path, text)| (of(path), text));
    for (path, text) in [(path, current)].into_iter().chain(snapshots) {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
