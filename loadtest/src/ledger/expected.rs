//! What the documents and dead letters of a run must be: compared whole with what each post said, field by field, so
//! that nothing can be altered, left out or added without being seen. Pure.

use std::fmt::Write;

use bson::{Document, RawBsonRef, RawDocument};
use contract::{DeadLetter, Parser, PostId, document};
use serde_json::json;

use super::of_schema::SchemaRecords;
use super::plan::RunPlan;
use super::post::RunId;
use super::post::bodies::{Bodies, PostTexts};
use super::schema_bodies::compare::differences;
use super::schema_bodies::json::Json;
use crate::base::text::common_start;

/// The most characters of a document that a finding shows.
const SHOWN: usize = 4_000;

/// The field with the time of a document's record.
const CREATED_AT: &str = "createdAt";

/// What is compared where nothing is mapped, in words.
pub(crate) const WHOLE: &str = "whole documents";

/// Which fields of a document hold what a post says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Our own: `_id`, `title`, `content`, `createdAt`, and no other field.
    Whole,
    /// Those of a kind of a schema, with the marker in this field, with dots if it is nested.
    Marked(String),
    /// Those of another pipeline, with dots if they are nested. Only what is named here is compared.
    Mapped { title: String, content: Option<String>, created_at: Option<String> },
}

impl Layout {
    /// The field with the title.
    pub(crate) fn title(&self) -> &str {
        match self {
            Layout::Whole => "title",
            Layout::Marked(marker) => marker,
            Layout::Mapped { title, .. } => title,
        }
    }

    /// What is compared, in words.
    pub(crate) fn compared(&self) -> String {
        match self {
            Layout::Whole | Layout::Marked(_) => WHOLE.to_owned(),
            Layout::Mapped { title, content, created_at } => [Some(title), content.as_ref(), created_at.as_ref()]
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

/// A document, compared with its post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) from: Origin,
    /// The document's id; the largest id if it is not a UUID.
    pub(crate) id: PostId,
    /// What differs from the post, its date aside; `None` if nothing does.
    pub(crate) differs: Option<String>,
    /// Its date in ms since 1970, if it must have one.
    pub(crate) created_at_ms: Option<i64>,
}

/// A dead letter, compared with its post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComparedLetter {
    /// The post's number.
    pub(crate) n: u64,
    /// Its key; the largest id if that is not a UUID.
    pub(crate) id: PostId,
    /// What differs from the record of the post; `None` if nothing does.
    pub(crate) differs: Option<String>,
}

/// Where a document comes from, as its title says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The post with this number.
    Post(u64),
    /// The run, without a number.
    NoNumber,
    /// The lab itself, past the producer; it has a proof of its own.
    Extra,
    /// Somebody else.
    Elsewhere,
}

/// The posts of a run as they must be found again.
pub(crate) struct ExpectedPosts {
    run: RunId,
    title_prefix: String,
    extra_prefix: String,
    bodies: Bodies,
    layout: Layout,
    /// The records, if they are of a kind of a schema.
    of_schema: Option<SchemaRecords>,
}

impl ExpectedPosts {
    pub(crate) fn new(plan: RunPlan, layout: Layout) -> Self {
        Self {
            run: plan.run,
            title_prefix: plan.run.title_prefix(),
            extra_prefix: plan.run.extra_prefix(),
            bodies: Bodies::new(plan.run, plan.seed, plan.shape),
            layout,
            of_schema: SchemaRecords::of(&plan),
        }
    }

    /// What of each document is compared, in words.
    pub(crate) fn compared(&self) -> String {
        self.layout.compared()
    }

    /// Whether post `n` breaks a rule on purpose.
    pub(crate) fn breaks_rule(&self, n: u64) -> bool {
        match &self.of_schema {
            Some(records) => records.breaks_rule(n),
            None => self.bodies.texts(n).is_none(),
        }
    }

    /// Compares a document with the post that its title names.
    pub(crate) fn compare(&self, document: &RawDocument) -> Compared {
        let id = document.get(document::ID_FIELD).ok().flatten().and_then(document::decode_id);
        let marker = match &self.of_schema {
            Some(records) => records.marker_of_document(document),
            None => text_at(document, self.layout.title()),
        };
        let from = self.origin(marker);
        let mut compared = Compared { from, id: id.unwrap_or(no_id()), differs: None, created_at_ms: None };
        let Origin::Post(n) = from else { return compared };
        if let Some(records) = &self.of_schema {
            if let Some(said) = records.said(n, "") {
                (compared.differs, compared.created_at_ms) = compare_said(document, &said);
            }
            return compared;
        }
        // A post that must not be stored has nothing to be compared with.
        let Some(texts) = self.bodies.texts(n) else { return compared };
        let mut differing = Vec::new();
        compared.created_at_ms = match &self.layout {
            Layout::Whole | Layout::Marked(_) => compare_whole(document, &texts, &mut differing),
            Layout::Mapped { title, content, created_at } => {
                let mut same = |field: &str, text: &str| {
                    differing.extend(text_differs(field, value_at(document, field), text));
                };
                same(title, &texts.title);
                content.iter().for_each(|content| same(content, &texts.content));
                let date = created_at.as_ref().map(|field| (field, date_at(document, field)));
                differing.extend(date.and_then(|(field, date)| date.is_none().then(|| format!("{field} is no date"))));
                date.and_then(|(_, date)| date)
            }
        };
        compared.differs = (!differing.is_empty()).then(|| differing.join(", "));
        compared
    }

    /// Compares a dead letter with the post that its value names; `None` if it is of another run. Its key and its
    /// header must have one and the same id.
    pub(crate) fn compare_letter(
        &self,
        key: Option<&[u8]>,
        value: &[u8],
        letter: Option<&DeadLetter>,
    ) -> Option<ComparedLetter> {
        let n = match &self.of_schema {
            Some(records) => records.parts_of_value(value).0?,
            None => self.run.number_in_record(value)?,
        };
        let key = key.and_then(PostId::from_key);
        let mut differing = Vec::new();
        match (key, letter) {
            (Some(key), Some(letter)) if letter.id != key => differing.push("header id"),
            (_, None) => differing.push("headers"),
            (None, _) => differing.push("key"),
            _ => {}
        }
        if let Some(records) = &self.of_schema {
            if !records.is_as_sent(n, "", value) {
                differing.push("value");
            }
            let differs = (!differing.is_empty()).then(|| differing.join(", "));
            return Some(ComparedLetter { n, id: key.unwrap_or(no_id()), differs });
        }
        let mut value = value.to_vec();
        match (Parser::default().parse(&mut value), self.bodies.texts(n)) {
            (Ok(post), Some(texts)) if (post.title(), post.content()) == (&*texts.title, &*texts.content) => {}
            (_, None) => {}
            _ => differing.push("value"),
        }
        let differs = (!differing.is_empty()).then(|| differing.join(", "));
        Some(ComparedLetter { n, id: key.unwrap_or(no_id()), differs })
    }

    /// What post `n` said, as JSON; `None` if it must not be stored.
    pub(crate) fn sent(&self, n: u64) -> Option<String> {
        if let Some(records) = &self.of_schema {
            return records.shown(n, "");
        }
        let PostTexts { title, content } = self.bodies.texts(n)?;
        Some(json!({ "title": title, "content": content }).to_string())
    }

    fn origin(&self, title: Option<&str>) -> Origin {
        match title {
            Some(title) if title.starts_with(&self.title_prefix) => {
                self.run.number_in(title).map_or(Origin::NoNumber, Origin::Post)
            }
            Some(title) if title.starts_with(&self.extra_prefix) => Origin::Extra,
            _ => Origin::Elsewhere,
        }
    }
}

/// An id that no client ever gets.
fn no_id() -> PostId {
    uuid::Uuid::max().into()
}

/// Returns the document's date.
fn compare_whole(document: &RawDocument, texts: &PostTexts, differing: &mut Vec<String>) -> Option<i64> {
    const FIELDS: [&str; 4] = [document::ID_FIELD, "title", "content", "createdAt"];
    let (mut found, mut created_at_ms) = ([false; FIELDS.len()], None);
    for element in document {
        let Ok((name, value)) = element else {
            differing.push("it cannot be read to its end".to_owned());
            break;
        };
        let Some(index) = FIELDS.iter().position(|field| *field == name.as_str()) else {
            differing.push(format!("{name} is not in a post"));
            continue;
        };
        if std::mem::replace(&mut found[index], true) {
            differing.push(format!("{name} is there twice"));
            continue;
        }
        match (index, value) {
            (0, _) => {}
            (1, value) => differing.extend(text_differs("title", Some(value), &texts.title)),
            (2, value) => differing.extend(text_differs("content", Some(value), &texts.content)),
            (_, RawBsonRef::DateTime(date)) => created_at_ms = Some(date.timestamp_millis()),
            (_, _) => differing.push(format!("{name} is no date")),
        }
    }
    let absent = FIELDS.iter().zip(found).filter(|(_, found)| !found);
    differing.extend(absent.map(|(field, _)| format!("{field} is not there")));
    created_at_ms
}

/// How a document differs from what was said of it, and its date.
fn compare_said(document: &RawDocument, said: &Json) -> (Option<String>, Option<i64>) {
    let mut differing = differences(document, said, &[document::ID_FIELD, CREATED_AT]);
    let created_at_ms = date_at(document, CREATED_AT);
    if created_at_ms.is_none() {
        differing.push(format!("{CREATED_AT} is no date"));
    }
    ((!differing.is_empty()).then(|| differing.join(", ")), created_at_ms)
}

/// How a field differs from the text that was sent, if it does.
fn text_differs(field: &str, found: Option<RawBsonRef<'_>>, sent: &str) -> Option<String> {
    match found {
        Some(RawBsonRef::String(found)) if found == sent => None,
        Some(RawBsonRef::String(found)) => Some(format!("{field} from character {}", common_start(found, sent) + 1)),
        Some(_) => Some(format!("{field} is no text")),
        None => Some(format!("{field} is not there")),
    }
}

/// A document as JSON, cut if it is long.
pub(crate) fn shown(document: &RawDocument) -> String {
    let document = Document::try_from(document).map_err(|error| error.to_string());
    let json = document.and_then(|document| serde_json::to_string(&document).map_err(|error| error.to_string()));
    json.map_or_else(|error| format!("it cannot be read: {error}"), cut)
}

/// A dead letter as JSON, cut if it is long.
pub(crate) fn shown_letter(key: Option<&[u8]>, value: &[u8], letter: Option<&DeadLetter>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let reason = letter.map(|letter| format!("{}: {}", letter.reason.as_str(), letter.message));
    cut(json!({ "reason": reason, "key": key.map(text), "value": text(value) }).to_string())
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        let length = text.len();
        text.truncate(end);
        write!(text, "… (cut, {length} bytes in all)").expect("writing into memory cannot fail");
    }
    text
}

/// The text in the field that a dotted path names.
fn text_at<'a>(document: &'a RawDocument, path: &str) -> Option<&'a str> {
    value_at(document, path)?.as_str()
}

/// The date in the field that a dotted path names, in ms since 1970.
fn date_at(document: &RawDocument, path: &str) -> Option<i64> {
    value_at(document, path)?.as_datetime().map(bson::DateTime::timestamp_millis)
}

fn value_at<'a>(document: &'a RawDocument, path: &str) -> Option<RawBsonRef<'a>> {
    match path.split_once('.') {
        Some((outer, inner)) => value_at(document.get_document(outer).ok()?, inner),
        None => document.get(path).ok().flatten(),
    }
}

#[cfg(test)]
mod tests;
