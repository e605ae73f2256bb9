//! The bodies of a kind of `KINDS_DIR`, drawn from its schema or read from a file, and judged before anything starts.

use std::path::Path;

use contract::SchemaKind;

use crate::base::exit::Unusable;
use crate::ledger::schema_bodies::{Places, SchemaBodies, Unsupported};

/// The most errors that are shown.
const SHOWN: usize = 20;

/// The bodies of a kind, which stay in memory. `marker` is a JSON pointer, `file` has a body in each line.
///
/// # Errors
/// What bodies cannot be drawn for, or which lines of the file are not valid.
pub(crate) fn of_kind(
    kind: &'static SchemaKind,
    marker: Option<&str>,
    file: Option<&Path>,
) -> Result<&'static SchemaBodies, Unusable> {
    let places = Places { marker, key: kind.key_pointer() };
    let bodies = match file {
        Some(file) => given(kind, places, file)?,
        None => SchemaBodies::drawn(kind.json_schema(), places).map_err(|errors| not_drawn(kind, &errors))?,
    };
    Ok(Box::leak(Box::new(bodies)))
}

fn given(kind: &SchemaKind, places: Places<'_>, file: &Path) -> Result<SchemaBodies, Unusable> {
    let shown = file.display();
    let unreadable = |error| Unusable(format!("cannot read --bodies {shown}: {error}"));
    let lines = std::fs::read_to_string(file).map_err(unreadable)?;
    let judge = |body: &[u8]| {
        let errors = kind.judge(body).err()?;
        Some(errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect::<Vec<_>>().join(", "))
    };
    let bodies = SchemaBodies::given(&lines, kind.json_schema(), places, judge);
    bodies.map_err(|errors| Unusable(format!("--bodies {shown}: {}", listed(&errors))))
}

fn not_drawn(kind: &SchemaKind, errors: &[Unsupported]) -> Unusable {
    let name = kind.name();
    let errors: Vec<String> = errors.iter().map(Unsupported::to_string).collect();
    let errors = listed(&errors);
    let otherwise = "docs/load-lab.md has the list of what is understood; bodies can also be given with --bodies FILE";
    Unusable(format!("--kind {name}: bodies cannot be drawn from its schema: {errors}\n{otherwise}"))
}

/// The first of these, in lines.
fn listed(errors: &[String]) -> String {
    let mut lines: String = errors.iter().take(SHOWN).map(|error| format!("\n  {error}")).collect();
    if errors.len() > SHOWN {
        lines.push_str(&format!("\n  and {} more", errors.len() - SHOWN));
    }
    lines
}
