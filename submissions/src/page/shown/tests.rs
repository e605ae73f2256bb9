use serde_json::Value;

use super::*;

const EXAMPLES: &str = include_str!("../../../page/tests/shown.json");

/// Milliseconds since 1970 of a time such as `2026-11-28T12:00:03.250Z`, in November 2026.
fn at(text: &Value) -> Option<i64> {
    const NOVEMBER_2026: i64 = 1_793_491_200_000;
    let text = text.as_str()?;
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    assert!(text.starts_with("2026-11-"), "{text}");
    let minutes = ((number(8..10) - 1) * 24 + number(11..13)) * 60 + number(14..16);
    Some(NOVEMBER_2026 + (minutes * 60 + number(17..19)) * 1000 + number(20..23))
}

fn submission(example: &Value) -> Submission {
    let count = |name: &str| i32::try_from(example[name].as_i64().unwrap()).unwrap();
    Submission {
        id: example["id"].as_str().unwrap().parse().unwrap(),
        content: example["content"].as_str().unwrap().to_owned(),
        status: Status::from_name(example["status"].as_str().unwrap()).unwrap(),
        series: count("series"),
        begun: count("attempts"),
        failures: count("failures"),
        losses: count("losses"),
        given_back: 0,
        reason: example["reason"].as_str().map(str::to_owned),
        is_cached: example["cached"].as_bool().unwrap(),
        created_at: at(&example["created_at"]).unwrap(),
        started_at: at(&example["started_at"]),
        processed_at: at(&example["processed_at"]),
        changed_at: at(&example["changed_at"]).unwrap(),
        run_at: 0,
        owner: None,
    }
}

#[test]
fn a_submission_is_shown_as_scripts_show_it() {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    assert!(examples.len() > 3);
    for example in examples {
        let stuck_after = Duration::from_millis(example["stuck_after_ms"].as_u64().unwrap());
        let shown = Shown::at(at(&example["now"]).unwrap(), &submission(&example["submission"]), stuck_after);
        assert_eq!(serde_json::to_value(&shown).unwrap(), example["shown"]);
    }
}
