use contract::Parser;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn errors() -> FieldErrors {
    Parser::default().parse(&mut br#"{"title":"\n","content":5}"#.to_vec()).unwrap_err()
}

fn order(number: usize) -> Order {
    let order_id = format!("\"{number}\" é");
    let body = json!({
        "order_id": order_id, "customer_id": "c", "product_id": "p", "quantity": 2, "price": "19.99",
    });
    Order::parse(body.to_string().as_bytes(), 0).unwrap()
}

/// The example's readings, of which the last one of each device counts.
fn latest_readings() -> Kind {
    let mut file: Value = serde_json::from_str(include_str!("../../../../examples/kinds/reading.json")).unwrap();
    (file["write"], file["key"]) = (json!("upsert"), json!("/device/id"));
    Kind::Schema(Box::leak(Box::new(contract::SchemaKind::read(file.to_string().as_bytes()).unwrap())))
}

/// What each record gets if it is accepted: a post its id, an order its own id and its total.
fn receipts(kind: Kind, ids: &[PostId]) -> Vec<Value> {
    let receipt = |(number, id): (usize, &PostId)| match kind {
        Kind::Post => json!({ "id": id.to_string() }),
        Kind::Order => json!({ "order_id": format!("\"{number}\" é"), "total_amount": "39.98" }),
        Kind::Schema(_) => json!({ "id": format!("\"{number}\" é") }),
    };
    ids.iter().enumerate().map(receipt).collect()
}

/// The answer to records with these fates, and its bound; `None` is an invalid one.
fn written(kind: Kind, fates: &[Option<Fate>], ids: &[PostId], status: StatusCode) -> (Value, usize, usize) {
    let mut results = Results::of(kind);
    for (number, (fate, id)) in fates.iter().zip(ids).enumerate() {
        match (fate, kind) {
            (None, _) => results.push_invalid(&errors()),
            (Some(_), Kind::Post) => results.push_inserted(*id),
            (Some(_), Kind::Order) => results.push_order(&order(number)),
            (Some(_), Kind::Schema(_)) => results.push_keyed(&format!("\"{number}\" é")),
        }
    }
    let valid: Vec<Fate> = fates.iter().copied().flatten().collect();
    let accepted = valid.iter().filter(|fate| **fate == Fate::Acknowledged).count();
    let json = results.write(status, accepted, &valid);
    (serde_json::from_slice(&json).unwrap(), json.len(), results.max_answer_bytes())
}

#[test]
fn none_valid_is_a_problem_with_results() {
    let errors = json!([
        { "field": "content", "message": "must be a string, not a number" },
        { "field": "title", "message": "must be 2 to 100 characters long, has 1" },
    ]);
    for (kind, detail) in
        [(Kind::Post, "no post is valid: see results"), (Kind::Order, "no order is valid: see results")]
    {
        let (answer, ..) = written(kind, &[None], &[PostId::fresh()], StatusCode::BAD_REQUEST);
        let expected = json!({
            "title": "Bad Request", "status": 400, "detail": detail,
            "accepted": 0, "rejected": 1, "results": [{ "errors": errors }],
        });
        assert_eq!(answer, expected);
    }
}

#[test]
fn an_unknown_order_is_sent_again_alone() {
    let message = |kind| {
        let (answer, ..) = written(kind, &[Some(Fate::Unknown)], &[PostId::fresh()], StatusCode::MULTI_STATUS);
        answer["results"][0]["message"].as_str().unwrap().to_owned()
    };
    assert!(message(Kind::Order).ends_with(": send it again"), "the other orders may have a newer state by then");
    assert!(message(Kind::Post).ends_with(": send the bulk again with the same Idempotency-Key"));
}

#[test]
fn of_a_bulk_with_very_many_errors_the_later_records_name_their_first_one() {
    let mut file: Value = serde_json::from_str(include_str!("../../../../examples/kinds/reading.json")).unwrap();
    file["schema"] = json!({ "additionalProperties": { "type": "string", "maxLength": 1 } });
    let kind = contract::SchemaKind::read(file.to_string().as_bytes()).unwrap();
    let members: Vec<String> = (0..30).map(|number| format!("\"{}{number}\":1", "x".repeat(200))).collect();
    let Err(many) = kind.judge(format!("{{{}}}", members.join(",")).as_bytes()) else { panic!("it is valid") };
    let mut results = Results::of(Kind::Post);
    for _ in 0..10_000 {
        results.push_invalid(&many);
    }
    results.push_invalid(&errors());
    assert!(results.max_answer_bytes() < 8_000_000, "{}", results.max_answer_bytes());
    let answer: Value = serde_json::from_slice(&results.write(StatusCode::BAD_REQUEST, 0, &[])).unwrap();
    assert_eq!(answer["results"][0]["errors"].as_array().unwrap().len(), 21);
    let abridged = json!([
        { "field": "content", "message": "must be a string, not a number" },
        { "field": "body", "message": "has more errors: send this record alone to see them" },
    ]);
    assert_eq!(answer["results"][10_000]["errors"], abridged);
}

proptest! {
    #[test]
    fn every_record_has_its_result_in_its_place(
        kind in proptest::sample::select(vec![Kind::Post, Kind::Order, latest_readings()]),
        fates in proptest::collection::vec(
            proptest::sample::select(vec![
                None,
                Some(Fate::Acknowledged),
                Some(Fate::Unknown),
                Some(Fate::Away),
                Some(Fate::Conflict),
                Some(Fate::TooLarge),
            ]),
            1..50,
        ),
    ) {
        let ids: Vec<PostId> = fates.iter().map(|_| PostId::fresh()).collect();
        for status in [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CREATED] {
            let (_, length, most) = written(kind, &fates, &ids, status);
            prop_assert!(length <= most);
        }
        let (answer, ..) = written(kind, &fates, &ids, StatusCode::MULTI_STATUS);
        let results = answer["results"].as_array().unwrap();
        prop_assert_eq!(results.len(), fates.len());
        let accepted = fates.iter().filter(|fate| **fate == Some(Fate::Acknowledged)).count();
        prop_assert_eq!(&answer["accepted"], accepted);
        prop_assert_eq!(&answer["rejected"], fates.len() - accepted);
        for ((fate, receipt), result) in fates.iter().zip(receipts(kind, &ids)).zip(results) {
            match fate {
                None => prop_assert_eq!(result["errors"].as_array().unwrap().len(), 2),
                Some(Fate::Acknowledged) => prop_assert_eq!(result, &receipt),
                Some(Fate::Unknown) => prop_assert_eq!(&result["unknown"], true),
                Some(Fate::Away) => prop_assert_eq!(&result["unavailable"], true),
                Some(Fate::Conflict) => prop_assert_eq!(&result["errors"][0]["field"], "Idempotency-Key"),
                Some(Fate::TooLarge) => prop_assert!(result.to_string().contains("max.message.bytes")),
            }
        }
    }
}
