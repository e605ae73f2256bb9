//! All kinds of a directory: no two of them may share a route, a topic, a group or a collection, nor may they have one
//! of the built-in kinds or of the services.

use super::schema::{KindError, SchemaKind};
use super::{FIXED_ROUTES, Kind};

/// A kind's file: its name, and what it holds.
#[derive(Debug, Clone)]
pub struct KindFile {
    /// Its name, without the directory.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads the kinds of these files.
///
/// # Errors
/// Every error of every file, with the name of the file.
pub fn read_kinds(files: &[KindFile]) -> Result<Vec<SchemaKind>, Vec<(String, KindError)>> {
    let (mut kinds, mut errors): (Vec<(&str, SchemaKind)>, Vec<_>) = (Vec::new(), Vec::new());
    for file in files {
        match SchemaKind::read(&file.bytes) {
            Ok(kind) => kinds.push((&file.name, kind)),
            Err(found) => errors.extend(found.into_iter().map(|error| (file.name.clone(), error))),
        }
    }
    let mut taken = Taken::default();
    for (file, kind) in &kinds {
        let mut found = Vec::new();
        taken.take(kind, file, &mut found);
        errors.extend(found.into_iter().map(|error| ((*file).to_owned(), error)));
    }
    if errors.is_empty() { Ok(kinds.into_iter().map(|(_, kind)| kind).collect()) } else { Err(errors) }
}

/// What has a name already: pairs of the name and who has it.
struct Taken {
    kinds: Vec<(String, String)>,
    routes: Vec<(String, String)>,
    topics: Vec<(String, String)>,
    groups: Vec<(String, String)>,
    collections: Vec<(String, String)>,
}

impl Default for Taken {
    fn default() -> Self {
        let of_built_in = |name: fn(Kind) -> &'static str| {
            Kind::BUILT_IN.map(|kind| (name(kind).to_owned(), format!("the kind {}", kind.name()))).to_vec()
        };
        Self {
            kinds: of_built_in(Kind::name),
            routes: FIXED_ROUTES.map(|route| (route.to_owned(), "the services".to_owned())).to_vec(),
            topics: [of_built_in(Kind::topic), of_built_in(Kind::dead_letter_topic)].concat(),
            groups: of_built_in(Kind::group),
            collections: of_built_in(Kind::collection),
        }
    }
}

impl Taken {
    fn take(&mut self, kind: &SchemaKind, file: &str, errors: &mut Vec<KindError>) {
        for (taken, names) in [
            (&mut self.kinds, &[("/kind", kind.name())][..]),
            (&mut self.routes, &[("/route", kind.route()), ("/route", kind.bulk_route())]),
            (&mut self.topics, &[("/topic", kind.topic()), ("/dead_letter_topic", kind.dead_letter_topic())]),
            (&mut self.groups, &[("/group", kind.group())]),
            (&mut self.collections, &[("/collection", kind.collection())]),
        ] {
            for (pointer, name) in names {
                if let Some((_, owner)) = taken.iter().find(|(known, _)| known == name) {
                    let message = format!("must not be {name}, which belongs to {owner}");
                    errors.push(KindError { pointer: (*pointer).to_owned(), message });
                }
            }
            taken.extend(names.iter().map(|(_, name)| ((*name).to_owned(), file.to_owned())));
        }
    }
}
