use proptest::prelude::*;

use super::*;
use crate::ledger::post::parse_title;

mod hostile;

fn shape(content_length: ContentLength, invalid_share: f64, retry_share: f64) -> Shape {
    Shape { content_length, invalid_share, retry_share, ..Shape::default() }
}

fn any_length() -> impl Strategy<Value = ContentLength> {
    let allowed = ALLOWED.shortest..=ALLOWED.longest;
    (allowed.clone(), allowed)
        .prop_map(|(one, other)| ContentLength { shortest: one.min(other), longest: one.max(other) })
}

/// The content's length in characters, or what is wrong, as the service will see it.
fn judged(body: &Bytes) -> Result<usize, String> {
    let mut body = body.to_vec();
    let mut parser = contract::Parser::default();
    match parser.parse(&mut body) {
        Ok(post) => Ok(post.content().chars().count()),
        Err(faults) => Err(faults.iter().map(|fault| format!("{fault:?}")).collect()),
    }
}

#[test]
fn bodies_have_300_bytes_on_average() {
    let mut bodies = Bodies::new(RunId::fresh(), 1, Shape::default());
    let total: usize = (0..10_000).map(|n| bodies.post(n).body.len()).sum();
    assert!((295..305).contains(&(total / 10_000)), "{}", total / 10_000);
}

#[test]
fn a_seed_always_makes_the_same_contents() {
    let planned = Bodies::new(RunId(7), 1, Shape::default()).post(0);
    let expected = r#"{"title":"load 00000007 0","content":"ern fern ember quarry valley juniper amber ivory "#;
    assert!(planned.body.starts_with(expected.as_bytes()), "{:?}", planned.body);
}

#[test]
fn the_shares_are_kept_and_independent() {
    let mut bodies = Bodies::new(RunId::fresh(), 7, shape(ContentLength::default(), 0.1, 0.5));
    let posts: Vec<PlannedPost> = (0..20_000).map(|n| bodies.post(n)).collect();
    let count = |matches: fn(&PlannedPost) -> bool| posts.iter().filter(|post| matches(post)).count();
    assert!((1_900..2_100).contains(&count(|post| post.is_invalid)), "{}", count(|post| post.is_invalid));
    assert!((9_800..10_200).contains(&count(|post| post.is_retried)), "{}", count(|post| post.is_retried));
    let both = count(|post| post.is_invalid && post.is_retried);
    assert!((930..1_070).contains(&both), "{both}");
}

#[test]
fn every_rule_is_broken() {
    let mut bodies = Bodies::new(RunId::fresh(), 1, shape(ContentLength::default(), 1.0, 0.0));
    let faults: std::collections::BTreeSet<String> =
        (0..200).map(|n| judged(&bodies.post(n).body).unwrap_err()).collect();
    assert!(faults.len() >= 5, "{faults:?}");
}

proptest! {
    #[test]
    fn a_post_is_a_function_of_seed_and_number(
        run: u32, seed: u64, n: u64, length in any_length(), hostile in 0.0_f64..=1.0, invalid in 0.0_f64..=1.0,
    ) {
        let run = RunId(run);
        let shares = Shape { hostile_share: hostile, invalid_share: invalid, retry_share: 0.5, ..Shape::default() };
        let shape = Shape { content_length: length, ..shares };
        let mut bodies = Bodies::new(run, seed, shape);
        bodies.post(n.wrapping_add(1));
        let planned = bodies.post(n);
        prop_assert_eq!(&planned, &Bodies::new(run, seed, shape).post(n), "whatever came before");
        prop_assert_eq!(bodies.texts(n).is_some(), !planned.is_invalid);
        match judged(&planned.body) {
            Ok(found) => {
                let is_plain = (length.shortest..=length.longest).contains(&found);
                let is_hostile = [ALLOWED.shortest, ALLOWED.longest].contains(&found);
                prop_assert!(!planned.is_invalid && (is_plain || is_hostile), "{}", found);
            }
            Err(_) => prop_assert!(planned.is_invalid),
        }
    }

    #[test]
    fn a_valid_body_fits_its_room_and_its_title_can_be_read(run: u32, seed: u64, n: u64, length in any_length()) {
        let run = RunId(run);
        let planned = Bodies::new(run, seed, shape(length, 0.0, 0.0)).post(n);
        prop_assert!(!planned.is_invalid && !planned.is_retried);
        prop_assert!(planned.body.len() <= length.longest + BESIDES_CONTENT);
        let mut body = planned.body.to_vec();
        let mut parser = contract::Parser::default();
        let post = parser.parse(&mut body).unwrap();
        prop_assert_eq!(parse_title(post.title()), Some((run, n)));
        let texts = Bodies::new(run, seed, shape(length, 0.0, 0.0)).texts(n).unwrap();
        prop_assert_eq!((&*texts.title, &*texts.content), (post.title(), post.content()));
        prop_assert!(post.title().starts_with(&run.title_prefix()));
    }

    #[test]
    fn an_invalid_body_still_has_a_readable_title(run: u32, seed: u64, n: u64) {
        let run = RunId(run);
        let shape = Shape { hostile_share: 1.0, invalid_share: 1.0, ..Shape::default() };
        let planned = Bodies::new(run, seed, shape).post(n);
        let title = format!(r#"{{"title":"{}{n}""#, run.title_prefix());
        prop_assert!(planned.is_invalid && planned.body.starts_with(title.as_bytes()), "{:?}", planned.body);
    }
}
