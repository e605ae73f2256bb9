//! Hostile bodies: each reads as its texts, by the service's parser and by another one, and no feature is missing.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::*;

/// A hostile post, taken apart.
struct Sample {
    texts: PostTexts,
    body: String,
    fields: Fields,
    tokens: Tokens,
}

/// The fields of an object, in their order.
struct Fields(Vec<(String, Value)>);

/// What is seen of a body's JSON when it is read character by character.
#[derive(Default)]
struct Tokens {
    /// The escapes, as they are written.
    escapes: BTreeSet<String>,
    /// The white space outside of strings.
    blanks: BTreeSet<char>,
}

fn hostile(content_length: ContentLength) -> Shape {
    Shape { content_length, hostile_share: 1.0, ..Shape::default() }
}

impl Sample {
    fn of(bodies: &mut Bodies, n: u64) -> Self {
        let body = String::from_utf8(bodies.post(n).body.to_vec()).unwrap();
        let (texts, fields) = (bodies.texts(n).unwrap(), serde_json::from_str(&body).unwrap());
        Self { texts, fields, tokens: Tokens::of(&body), body }
    }

    fn says(&self, pieces: &[&str]) -> bool {
        let PostTexts { title, content } = &self.texts;
        pieces.iter().all(|piece| title.contains(piece) || content.contains(piece))
    }

    fn has_escape(&self, escapes: &[&str]) -> bool {
        escapes.iter().all(|escape| self.tokens.escapes.contains(*escape))
    }

    /// The places of title, content, and the end among the fields.
    fn places(&self) -> [usize; 3] {
        let place = |of: &str| self.fields.0.iter().position(|(name, _)| name == of).unwrap();
        [place("title"), place("content"), self.fields.0.len()]
    }

    fn has_field(&self, name: &str) -> bool {
        self.fields.0.iter().any(|(found, _)| found == name)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Tokens {
    fn of(json: &str) -> Self {
        let (mut tokens, mut is_string, mut characters) = (Self::default(), false, json.chars());
        while let Some(character) = characters.next() {
            match (character, is_string) {
                ('"', _) => is_string = !is_string,
                ('\\', true) => {
                    let letter = characters.next().unwrap();
                    let digits = if letter == 'u' { 4 } else { 0 };
                    let escape = ['\\', letter].into_iter().chain(characters.by_ref().take(digits)).collect();
                    tokens.escapes.insert(escape);
                }
                (' ' | '\t' | '\n' | '\r', false) => drop(tokens.blanks.insert(character)),
                _ => {}
            }
        }
        tokens
    }
}

/// Whether it is an escape of this range, such as those that no JSON needs.
fn has_escape_of(sample: &Sample, range: std::ops::RangeInclusive<u32>) -> bool {
    let number = |escape: &String| u32::from_str_radix(escape.strip_prefix("\\u")?, 16).ok();
    sample.tokens.escapes.iter().filter_map(number).any(|unit| range.contains(&unit))
}

/// A feature, and the least share of hostile posts that must have it.
type Feature = (&'static str, f64, fn(&Sample) -> bool);

const IN_TEXTS: [Feature; 19] = [
    ("emoji", 0.1, |post| post.says(&["😀"])),
    ("a skin tone", 0.1, |post| post.says(&["👍\u{1f3fd}"])),
    ("joined emoji", 0.1, |post| post.says(&["👩\u{200d}👩\u{200d}👧\u{200d}👦"])),
    ("a letter composed and decomposed", 0.1, |post| post.says(&["\u{e9}", "e\u{301}"])),
    ("marks in both orders", 0.1, |post| post.says(&["q\u{307}\u{323}", "q\u{323}\u{307}"])),
    ("Hangul composed and decomposed", 0.1, |post| post.says(&["\u{ac00}", "\u{1100}\u{1161}"])),
    ("Hebrew with controls", 0.1, |post| post.says(&["\u{202e}\u{5e9}", "\u{202c}"])),
    ("Arabic with controls", 0.1, |post| post.says(&["\u{2067}\u{645}", "\u{2069}"])),
    ("a quote", 0.1, |post| post.says(&["\""])),
    ("a backslash", 0.1, |post| post.says(&["\\"])),
    ("text that looks like an escape", 0.1, |post| post.says(&["\\u0041"])),
    ("an invisible character", 0.1, |post| post.says(&["\u{feff}"])),
    ("white space at the end", 0.08, |post| post.texts.content.trim_end() != post.texts.content),
    ("the shortest content", 0.1, |post| post.texts.content.chars().count() == 10),
    ("the longest content", 0.1, |post| post.texts.content.chars().count() == 1000),
    ("the longest content in bytes", 0.04, |post| post.texts.content.len() == 4000),
    ("the longest title", 0.1, |post| post.texts.title.chars().count() == 100),
    ("the shortest title", 0.1, |post| post.texts.title.split(' ').count() == 3),
    ("a noncharacter", 0.1, |post| post.says(&["\u{ffff}"])),
];

const IN_JSON: [Feature; 24] = [
    ("an escaped quote", 0.2, |post| post.has_escape(&["\\\""])),
    ("an escaped backslash", 0.2, |post| post.has_escape(&["\\\\"])),
    ("an escaped slash", 0.1, |post| post.has_escape(&["\\/"])),
    ("a backspace", 0.05, |post| post.has_escape(&["\\b"])),
    ("a form feed", 0.05, |post| post.has_escape(&["\\f"])),
    ("a line's end", 0.05, |post| post.has_escape(&["\\n"])),
    ("a return", 0.05, |post| post.has_escape(&["\\r"])),
    ("a tab", 0.05, |post| post.has_escape(&["\\t"])),
    ("a control as a number", 0.1, |post| post.has_escape(&["\\u0002"])),
    ("digits of either case", 0.05, |post| post.has_escape(&["\\u000a"]) != post.has_escape(&["\\u000A"])),
    ("an escaped letter", 0.4, |post| has_escape_of(post, 0x61..=0x7a)),
    ("an escaped mark", 0.1, |post| has_escape_of(post, 0x300..=0x323)),
    ("both surrogates", 0.3, |post| has_escape_of(post, 0xd800..=0xdbff) && has_escape_of(post, 0xdc00..=0xdfff)),
    ("four bytes as they are", 0.1, |post| post.body.chars().any(|character| character > '\u{ffff}')),
    ("an escaped name", 0.3, |post| !post.body.contains("\"title\"") && !post.body.contains("\"content\"")),
    ("white space between tokens", 0.4, |post| post.tokens.blanks.len() == 4),
    ("the content first", 0.4, |post| post.places()[1] < post.places()[0]),
    ("fields before", 0.2, |post| post.places().into_iter().min() > Some(0)),
    ("fields between", 0.2, |post| post.places()[0].abs_diff(post.places()[1]) > 1),
    ("fields after", 0.2, |post| post.places()[2] > post.places()[0].max(post.places()[1]) + 1),
    ("no other fields", 0.4, |post| post.fields.0.len() == 2),
    ("an id beside", 0.05, |post| post.has_field("_id")),
    ("a date beside", 0.05, |post| post.has_field("createdAt")),
    ("a post within a post", 0.05, |post| post.fields.0.iter().any(|(_, value)| value.get("title").is_some())),
];

#[test]
fn every_feature_occurs_often_enough() {
    const POSTS: u64 = 2_000;
    let mut bodies = Bodies::new(RunId(7), 1, hostile(ContentLength::default()));
    let samples: Vec<Sample> = (0..POSTS).map(|n| Sample::of(&mut bodies, n)).collect();
    let share =
        |has: &dyn Fn(&Sample) -> bool| samples.iter().filter(|sample| has(sample)).count() as f64 / POSTS as f64;
    let found: Vec<(&str, f64, f64)> =
        IN_TEXTS.iter().chain(&IN_JSON).map(|(name, least, has)| (*name, *least, share(has))).collect();
    let rare: Vec<_> = found.iter().filter(|(_, least, share)| share < least).collect();
    assert!(rare.is_empty(), "{rare:?} of {found:?}");
    for control in '\0'..='\u{1f}' {
        let share = share(&|sample| sample.says(&[&control.to_string()]));
        assert!(share > 0.05, "{control:?}: {share}");
    }
    let bytes = samples.iter().map(|sample| sample.body.len()).sum::<usize>() / samples.len();
    assert!((1_500..1_700).contains(&bytes), "{bytes} bytes on average");
}

#[test]
fn a_seed_always_makes_the_same_hostile_posts() {
    let body = Bodies::new(RunId(7), 1, hostile(ContentLength::default())).post(140).body;
    let expected = concat!(
        r#"{"\u0074i\u0074le":"\u006c\u006Fa\u0064 0000\u00300\u00307\u0020\u0031\u0034\u0030 h","#,
        r#""_id":"00000000-0000-4000-8000-000000000000","co\u006Eten\u0074":"w\u0069l\u006c\u006fw a\u006db","#,
        r#""createdAt":{"$date":"1970-01-01T00:00:00Z"}}"#,
    );
    assert_eq!(String::from_utf8_lossy(&body), expected);
}

#[test]
fn the_share_is_of_the_valid_posts_and_leaves_the_others_as_they_are() {
    let with = |hostile_share| {
        Bodies::new(RunId(7), 3, Shape { hostile_share, invalid_share: 0.1, retry_share: 0.5, ..Shape::default() })
    };
    let (mut plain, mut mixed) = (with(0.0), with(0.02));
    let mut hostile = 0;
    for n in 0..20_000 {
        let (plain, mixed) = (plain.post(n), mixed.post(n));
        assert_eq!((plain.is_invalid, plain.is_retried), (mixed.is_invalid, mixed.is_retried));
        if plain != mixed {
            assert!(!plain.is_invalid, "{n}");
            hostile += 1;
        }
    }
    assert!((310..410).contains(&hostile), "{hostile} of about 18,000 valid posts");
}

proptest! {
    #[test]
    fn two_parsers_read_exactly_the_texts(run: u32, seed: u64, n: u64, length in any_length()) {
        let (run, shape) = (RunId(run), hostile(length));
        let mut bodies = Bodies::new(run, seed, shape);
        bodies.post(n.wrapping_sub(1));
        let planned = bodies.post(n);
        let texts = bodies.texts(n).unwrap();
        let mut other = Bodies::new(run, seed, shape);
        prop_assert_eq!((&planned, &texts), (&other.post(n), &other.texts(n).unwrap()), "whatever came before");

        let mut body = planned.body.to_vec();
        let mut parser = contract::Parser::default();
        let post = parser.parse(&mut body).unwrap();
        prop_assert_eq!((post.title(), post.content()), (&*texts.title, &*texts.content));
        let read: Value = serde_json::from_slice(&planned.body).unwrap();
        prop_assert_eq!(&read["title"], &texts.title);
        prop_assert_eq!(&read["content"], &texts.content);

        prop_assert_eq!(parse_title(&texts.title), Some((run, n)));
        let [title, content] = [&texts.title, &texts.content].map(|text| text.chars().count());
        prop_assert!((2..=100).contains(&title) && (10..=1000).contains(&content), "{} {}", title, content);
        prop_assert!(planned.body.len() < 16_384, "a quarter of the producer's limit: {}", planned.body.len());

        // What the producer makes of it is found again, too.
        prop_assert_eq!(run.number_in_record(&contract::record::encode_value(&post)), Some(n));
    }
}
