//! Where in a body its marker stands: `load`, the run and the number of the record, by which its document is found.

use serde_json::Value;

use super::keywords::Keywords;

/// The characters that a marker needs: `load `, the run's eight digits, a space, and a number of up to ten digits.
pub(super) const NEEDED_CHARACTERS: usize = 24;
/// How many names lead to a marker at most.
const DEEPEST: usize = 4;

/// The names that lead to the first string without rules of its own but its length, other than `taken`. Of the strings
/// of an object the required ones come first, and those of objects within it last.
pub(super) fn find(schema: &Value, taken: Option<&[String]>) -> Option<Vec<String>> {
    let mut level = vec![(Vec::new(), String::new(), schema)];
    for _ in 0..DEEPEST {
        let mut deeper = Vec::new();
        for (path, pointer, object) in level {
            let keywords = Keywords::gather(schema, object, &pointer, &mut Vec::new());
            let mut properties = keywords.properties;
            properties.sort_by_key(|(name, _, _)| !keywords.required.contains(name));
            for (name, pointer, property) in properties {
                let path: Vec<String> = path.iter().cloned().chain([name.to_owned()]).collect();
                if is_free_text(schema, property, &pointer) && taken != Some(&path) {
                    return Some(path);
                }
                deeper.push((path, pointer, property));
            }
        }
        level = deeper;
    }
    None
}

/// The names in a JSON pointer, each unescaped; `None` if it is not one, or is that of the whole.
pub(super) fn names(pointer: &str) -> Option<Vec<String>> {
    let names = pointer.strip_prefix('/')?.split('/');
    Some(names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect())
}

fn is_free_text(root: &Value, schema: &Value, pointer: &str) -> bool {
    let mut errors = Vec::new();
    let keywords = Keywords::gather(root, schema, pointer, &mut errors);
    let longest = keywords.get("maxLength").map_or(u64::MAX, |(_, longest)| longest.as_u64().unwrap_or(0));
    let is_text = keywords.get("type").is_some_and(|(_, name)| name == "string");
    is_text
        && errors.is_empty()
        && !keywords.has_any(&["enum", "const", "format", "pattern"])
        && longest >= NEEDED_CHARACTERS as u64
}
