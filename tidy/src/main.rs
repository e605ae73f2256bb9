//! `cargo run -p tidy` writes the tables of the README that come from the code.

use std::path::Path;

use anyhow::{Context, anyhow};
use tidy::reference;

fn main() -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(reference::DOCUMENT);
    let document = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let current = reference::current(&document).map_err(|error| anyhow!("{}: {error}", reference::DOCUMENT))?;
    std::fs::write(&path, current).with_context(|| format!("cannot write {}", path.display()))
}
