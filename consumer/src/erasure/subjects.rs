//! Which records an operator names, by their ids or their keys. Pure.

use std::collections::HashSet;

use contract::{Kind, PostId, RecordId, Write};

/// The ids of these records, each once, in their order. Those of a file are one a line.
///
/// # Errors
/// Every text that names no record of this kind, and why.
pub(super) fn subjects(
    kind: Kind,
    ids: &[String],
    keys: &[String],
    lines: Option<&str>,
) -> Result<Vec<RecordId>, Vec<String>> {
    let name = kind.name();
    let (own, other, is_wrong) = match kind.write() {
        Write::Insert => (ids, keys, format!("--key: a record of the kind {name} has an id, name it by --id")),
        Write::Upsert => (keys, ids, format!("--id: a record of the kind {name} has a key, name it by --key")),
    };
    let mut errors: Vec<String> = (!other.is_empty()).then_some(is_wrong).into_iter().collect();
    let (mut subjects, mut seen) = (Vec::new(), HashSet::new());
    let lines = lines.unwrap_or_default().lines().filter(|line| !line.is_empty());
    for text in own.iter().map(String::as_str).chain(lines) {
        match subject(kind, text) {
            Ok(subject) if seen.contains(&subject) => {}
            Ok(subject) => {
                seen.insert(subject.clone());
                subjects.push(subject);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() && subjects.is_empty() {
        errors.push("nothing is named: use --id, --key or --file".to_owned());
    }
    if errors.is_empty() { Ok(subjects) } else { Err(errors) }
}

fn subject(kind: Kind, text: &str) -> Result<RecordId, String> {
    match kind.write() {
        Write::Insert => match PostId::from_key(text.as_bytes()) {
            Some(id) => Ok(id.into()),
            None => {
                Err(format!("{text:?} is not an id: it must be a UUID with hyphens, as in the answer to the request"))
            }
        },
        Write::Upsert if text.is_empty() => Err("a key must not be empty".to_owned()),
        Write::Upsert => Ok(RecordId::from_text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: Kind, ids: &[&str], keys: &[&str], lines: Option<&str>) -> Result<Vec<String>, Vec<String>> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let subjects = subjects(kind, &own(ids), &own(keys), lines)?;
        Ok(subjects.iter().map(RecordId::to_string).collect())
    }

    #[test]
    fn each_record_is_named_once_by_what_its_kind_has() {
        const ID: &str = "6ae2dfe4-1723-5035-a463-d55783a966eb";
        let other = PostId::fresh().to_string();
        let file = format!("{other}\r\n\n{}\n", ID.to_uppercase());
        assert_eq!(named(Kind::Post, &[ID, ID], &[], Some(&file)), Ok(vec![ID.to_owned(), other]));
        let keys = ["A-17".to_owned(), ID.to_owned(), " B ü".to_owned()];
        assert_eq!(named(Kind::Order, &[], &["A-17", ID], Some("A-17\n B ü\n")), Ok(keys.to_vec()));
    }

    #[test]
    fn what_names_no_record_of_the_kind_is_refused() {
        let errors = |kind, ids: &[&str], keys: &[&str], lines| named(kind, ids, keys, lines).unwrap_err().join("; ");
        assert_eq!(errors(Kind::Post, &[], &[], Some("\n")), "nothing is named: use --id, --key or --file");
        let wrong = errors(Kind::Post, &["42"], &["A"], Some("x\u{1b}"));
        assert!(wrong.starts_with("--key: a record of the kind post has an id, name it by --id; \"42\" is not an id"));
        assert!(wrong.contains("; \"x\\u{1b}\" is not an id: it must be a UUID"), "{wrong}");
        let wrong = errors(Kind::Order, &["A"], &[""], None);
        assert_eq!(wrong, "--id: a record of the kind order has a key, name it by --key; a key must not be empty");
    }
}
