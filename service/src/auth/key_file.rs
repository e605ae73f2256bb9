//! The file of API keys (`API_KEYS_FILE`): a JSON array with an entry for each key.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::auth::caller::Identity;
use crate::auth::key::KeyHash;
use crate::auth::key_table::KeyTable;
use crate::rate::Rate;

/// The largest file, in bytes: some fifty thousand keys.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The longest name of a caller, kind or scope, in characters.
const NAME_MAX_CHARS: usize = 64;

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    hash: String,
    kinds: Option<Vec<String>>,
    #[serde(default)]
    scopes: Vec<String>,
    rate: Option<String>,
}

/// The keys of the file at this path.
///
/// # Errors
/// Everything that is wrong with it, a line each. No line shows a key or a hash.
pub(crate) fn read(path: &Path) -> Result<KeyTable, Vec<String>> {
    let cannot = |error: std::io::Error| vec![format!("cannot read the file {}: {error}", path.display())];
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > MOST_BYTES {
        return Err(vec![format!("the file {} has more than {MOST_BYTES} bytes", path.display())]);
    }
    parse(&std::fs::read(path).map_err(cannot)?)
}

/// The keys that these bytes describe.
///
/// # Errors
/// Everything that is wrong with them, a line each: the first error of syntax, or each error of each entry.
pub fn parse(bytes: &[u8]) -> Result<KeyTable, Vec<String>> {
    let Entries(entries) = serde_json::from_slice(bytes).map_err(|error| vec![without_values(&error)])?;
    let (mut table, mut errors) = (KeyTable::default(), Vec::new());
    let mut rates: HashMap<String, Option<Rate>> = HashMap::new();
    for (index, entry) in entries.into_iter().enumerate() {
        let mut error = |why: &str| errors.push(format!("entry {}{}: {why}", index + 1, shown(&entry.name)));
        if !is_name(&entry.name) {
            error("`name` must have 1 to 64 letters, digits and any of `._-`");
        }
        for (field, values) in [("kinds", entry.kinds.as_deref()), ("scopes", Some(&entry.scopes[..]))] {
            if !values.unwrap_or_default().iter().all(|value| is_name(value)) {
                error(&format!("each of `{field}` must have 1 to 64 letters, digits and any of `._-`"));
            }
        }
        let rate = entry.rate.as_deref().map(str::parse::<Rate>).transpose();
        let rate = rate.inspect_err(|why| error(&format!("`rate` {why}"))).unwrap_or_default();
        if *rates.entry(entry.name.clone()).or_insert(rate) != rate {
            error("`rate` must be that of the earlier entries of this name, which share it");
        }
        let Some(hash) = KeyHash::parse(&entry.hash) else {
            error("`hash` must be `sha256:` and 64 hexadecimal digits, as `keys new` prints it");
            continue;
        };
        let Entry { name, kinds, scopes, .. } = entry;
        if !table.add(hash, Identity { name: name.clone(), kinds, scopes, rate }) {
            errors.push(format!("entry {}{}: an earlier entry has the same hash", index + 1, shown(&name)));
        }
    }
    if errors.is_empty() { Ok(table) } else { Err(errors) }
}

/// A name as errors show it: a name that is none might be a key that was put into the wrong place.
fn shown(name: &str) -> String {
    if is_name(name) { format!(" (`{name}`)") } else { String::new() }
}

/// Whether a text can be the name of a caller, a kind or a scope.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_MAX_CHARS).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// What serde_json says, unless it would show a value, or the name of a field that nobody would write: either might be
/// a key.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = format!("at line {} column {}", error.line(), error.column());
    if let Some((before, rest)) = text.split_once("unknown field `") {
        let name = rest.rsplit_once("`, expected").map_or(rest, |(name, _)| name);
        let is_likely = name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        return if is_likely { text } else { format!("{before}there is no such field {at}") };
    }
    match text.split_once("invalid type").or_else(|| text.split_once("invalid value")) {
        Some((before, _)) => format!("{before}a value has the wrong type {at}"),
        None => text,
    }
}

/// The entries; an error names the one in which it is.
struct Entries(Vec<Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InSequence;

        impl<'de> Visitor<'de> for InSequence {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array with an entry for each key")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                loop {
                    let number = entries.len() + 1;
                    let next = sequence.next_element();
                    match next.map_err(|error| A::Error::custom(format!("entry {number}: {error}")))? {
                        Some(entry) => entries.push(entry),
                        None => return Ok(Entries(entries)),
                    }
                }
            }
        }

        deserializer.deserialize_seq(InSequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key;
    use crate::rate::{Limiter, Who};

    fn hash(key: &str) -> String {
        KeyHash::of(key.as_bytes()).text()
    }

    fn errors(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_key_is_found_by_itself_alone() {
        let (one, two) = (key::fresh().unwrap(), key::fresh().unwrap());
        let file = format!(
            r#"[{{"name":"shop","hash":"{}","rate":"5/m"}},
                {{"name":"shop","hash":"{}","kinds":["order"],"scopes":["admin"],"rate":"5/m"}}]"#,
            hash(&one),
            hash(&two)
        );
        let table = parse(file.as_bytes()).unwrap();
        assert_eq!(table.len(), 2);
        let found = |key: &str| table.find(key.as_bytes()).map(|known| known.identity.as_ref().clone());
        let shop = Identity { name: "shop".to_owned(), kinds: None, scopes: vec![], rate: "5/m".parse().ok() };
        assert_eq!(found(&one), Some(shop.clone()));
        let (kinds, scopes) = (Some(vec!["order".to_owned()]), vec!["admin".to_owned()]);
        assert_eq!(found(&two), Some(Identity { kinds, scopes, ..shop }));
        for other in ["", &one[..one.len() - 1], &format!("{one} "), &one.to_uppercase(), &hash(&one)] {
            assert_eq!(found(other), None);
        }
        assert!(parse(b"[]").unwrap().is_empty());
    }

    #[test]
    fn a_new_version_of_the_file_gives_nobody_a_fresh_quota_unless_the_rate_is_another() {
        let limiter = Limiter::new(vec!["post"], None);
        let table = |keys: &[(&str, &str)]| {
            let entry = |(key, rate): &(&str, &str)| {
                let (hash, name) = (hash(key), &key[..1]);
                format!(r#"{{"name":"{name}","hash":"{hash}","rate":"{rate}"}}"#)
            };
            parse(format!("[{}]", keys.iter().map(entry).collect::<Vec<_>>().join(",")).as_bytes()).unwrap()
        };
        let first = table(&[("a1", "1/h"), ("b1", "1/h")]).with_standings(&limiter, &KeyTable::default());
        let take = |table: &KeyTable, key: &str| {
            let known = table.find(key.as_bytes()).unwrap();
            limiter.take(Who::Known(&known.standing), "post").is_ok()
        };
        assert!(take(&first, "a1") && take(&first, "b1") && !take(&first, "a1"));
        let second = table(&[("a2", "1/h"), ("a1", "1/h"), ("b2", "2/h")]).with_standings(&limiter, &first);
        assert!(!take(&second, "a2") && !take(&second, "a1"), "the same caller");
        assert!(take(&second, "b2"), "another rate");
    }

    #[test]
    fn every_error_names_its_entry() {
        let good = hash("k");
        let text = format!(
            r#"[{{"name":"a b","hash":"{good}"}},{{"name":"x","hash":"5","rate":"5"}},
                {{"name":"y","hash":"{good}","rate":"1/s"}},
                {{"name":"y","hash":"{}"}},
                {{"name":"z","hash":"{}","kinds":[""],"scopes":["a b"]}}]"#,
            hash("y"),
            hash("other")
        );
        assert_eq!(
            errors(&text),
            [
                "entry 1: `name` must have 1 to 64 letters, digits and any of `._-`",
                "entry 2 (`x`): `rate` must be a number of records from 1 to 1000000 in a second, minute or hour: \
                 1000/s",
                "entry 2 (`x`): `hash` must be `sha256:` and 64 hexadecimal digits, as `keys new` prints it",
                "entry 3 (`y`): an earlier entry has the same hash",
                "entry 4 (`y`): `rate` must be that of the earlier entries of this name, which share it",
                "entry 5 (`z`): each of `kinds` must have 1 to 64 letters, digits and any of `._-`",
                "entry 5 (`z`): each of `scopes` must have 1 to 64 letters, digits and any of `._-`",
            ]
        );
    }

    #[test]
    fn what_is_not_a_list_of_entries_is_an_error() {
        let good = hash("k");
        for (text, expected) in [
            ("", "EOF while parsing"),
            ("{}", "a value has the wrong type"),
            ("[", "EOF while parsing a list"),
            (r#"[{"name":"a"}]"#, "entry 1: missing field `hash`"),
            (&format!(r#"[{{"name":"a","hash":"{good}","rates":"1/s"}}]"#), "entry 1: unknown field `rates`"),
            (&format!(r#"[{{"name":"a","hash":"{good}","name":"b"}}]"#), "entry 1: duplicate field `name`"),
            (&format!(r#"[{{"name":"a","hash":"{good}"}},{{"name":"b"}}]"#), "entry 2: missing field `hash`"),
        ] {
            assert!(errors(text)[0].contains(expected), "{text}: {:?}", errors(text));
        }
    }

    #[test]
    fn no_error_shows_a_key_that_is_in_the_wrong_place() {
        let key = key::fresh().unwrap();
        for text in [
            format!(r#""{key}""#),
            format!(r#"["{key}"]"#),
            format!(r#"[{{"name":"a","hash":"{key}"}}]"#),
            format!(r#"[{{"name":"a b{key}","hash":"5"}}]"#),
            format!(r#"[{{"{key}":"a"}}]"#),
            format!(r#"[{{"a\n`, expected {key}":"a"}}]"#),
            format!(r#"[{{"name":"a","hash":"{}","kinds":"{key}"}}]"#, hash("k")),
            format!(r#"[{{"name":"a","hash":"{}","kinds":["a {key}"]}}]"#, hash("k")),
        ] {
            let errors = errors(&text).join(" ");
            assert!(!errors.contains(&key[3..]) && !errors.contains('\n'), "{errors}");
        }
    }
}
