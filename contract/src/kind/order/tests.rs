//! Orders from JSON, back into JSON, and into documents.

use bson::{DateTime, Document, doc};
use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW_MS: i64 = 1_795_896_900_123;

const WHOLE: &str = r#"{"order_id":"A-17","customer_id":"C-1","product_id":"P-9","quantity":2,"price":19.99}"#;

fn parse(body: &str) -> Result<Order, String> {
    Order::parse(body.as_bytes(), NOW_MS).map_err(|errors| errors.to_string())
}

/// [`WHOLE`] with this in place of a field's value, or added.
fn with(field: &str, value: &str) -> String {
    let names = ["order_id", "customer_id", "product_id", "quantity", "price"];
    let values = ["\"A-17\"", "\"C-1\"", "\"P-9\"", "2", "19.99"];
    let fields = names.into_iter().zip(values).filter(|(name, _)| *name != field).chain([(field, value)]);
    let fields: Vec<String> = fields.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// What is wrong with [`WHOLE`] with this value of a field.
fn error(field: &str, value: &str) -> String {
    let error = parse(&with(field, value)).unwrap_err();
    error.strip_prefix(&format!("{field} ")).unwrap_or_else(|| panic!("{field} {value}: {error}")).to_owned()
}

#[test]
fn an_order_is_read_with_its_defaults_and_other_fields_are_dropped() {
    let order = parse(WHOLE).unwrap();
    assert_eq!((order.order_id(), order.customer_id(), order.product_id()), ("A-17", "C-1", "P-9"));
    assert_eq!(
        (order.quantity(), order.price().to_string(), order.total().to_string()),
        (2, "19.99".into(), "39.98".into())
    );
    assert_eq!((order.status(), order.created_at_ms()), (OrderStatus::Pending, NOW_MS));
    let body = r#" {"more":{"order_id":[1e999]},"order\u005fid":" A-17\n","status":"PENDING","customer_id":"C-1",
        "more":"\ud800","product_id":"P-\u0039","total_amount":3.998E1,"quantity":2,"price":"19.990",
        "created_at":"2026-11-28T20:15:00.123Z"} "#;
    assert_eq!(parse(body).unwrap(), order);
}

#[test]
fn every_error_is_named() {
    assert_eq!(
        parse("{}").unwrap_err(),
        "customer_id is required; order_id is required; price is required; product_id is required; quantity is required"
    );
    let body = r#"{"order_id":1,"order_id":1,"customer_id":" ","product_id":null,"quantity":0,"price":"x","status":[],
        "created_at":"today","total_amount":{}}"#;
    let errors = Order::parse(body.as_bytes(), NOW_MS).unwrap_err();
    assert!(!errors.is_of_body());
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    let all = ["created_at", "customer_id", "order_id", "price", "product_id", "quantity", "status", "total_amount"];
    assert_eq!(fields, all);
}

#[test]
fn a_field_that_breaks_its_rule_says_what_it_must_be() {
    for field in ["order_id", "customer_id", "product_id"] {
        assert_eq!(error(field, "7"), "must be a string, not a number");
        assert_eq!(error(field, r#""\u200b""#), "must not contain invisible characters, has U+200B");
        assert_eq!(error(field, r#""\ud800""#), "must be valid Unicode, without a lone surrogate");
        assert_eq!(error(field, &format!("\"{}\"", "x".repeat(65))), "must be 1 to 64 characters long, has 65");
    }
    for value in ["2.5", "2.01", "1e-2", "1e-400"] {
        assert_eq!(error("quantity", value), "must be a whole number");
    }
    for value in ["0", "-1", "1000001", "99999999999999999999", "0.0", "1e400"] {
        assert_eq!(error("quantity", value), "must be 1 to 1000000");
    }
    assert_eq!(error("quantity", "\"2\""), "must be a number, not a string");
    for value in ["0", "-0", "0.00", "-19.99", "1000000000.01", "1e10", "\"0\""] {
        assert_eq!(error("price", value), "must be 0.01 to 1000000000.00");
    }
    for value in ["19.999", "1e-3", "\"0.001\""] {
        assert_eq!(error("price", value), "must have at most two decimals");
    }
    for value in ["\"19,99\"", "\"\"", "\" 19.99\"", "\"NaN\""] {
        assert_eq!(error("price", value), "must be a decimal number, as in 19.99");
    }
    for (value, noun) in [("true", "a boolean"), ("null", "null"), ("[]", "an array"), ("{}", "an object")] {
        assert_eq!(error("price", value), format!("must be a number or a string, not {noun}"));
    }
    assert_eq!(error("status", "\"pending\""), "must be one of PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED");
    assert_eq!(error("status", "null"), "must be a string, not null");
    assert_eq!(error("created_at", "1795896900000"), "must be a string, not a number");
    assert_eq!(error("created_at", "\"2026-11-28T20:15:00.0001Z\""), "must not be finer than a millisecond");
}

#[test]
fn the_limits_are_allowed() {
    for (field, value) in [
        ("quantity", "1"),
        ("quantity", "1000000"),
        ("quantity", "1.0"),
        ("quantity", "1e6"),
        ("price", "0.01"),
        ("price", "1000000000.00"),
        ("price", "1e9"),
        ("price", "\"1e-2\""),
        ("created_at", "\"0000-01-01T00:00:00Z\""),
    ] {
        assert!(parse(&with(field, value)).is_ok(), "{field} {value}");
    }
    let largest = WHOLE.replace("2,\"price\":19.99", "1000000,\"price\":1e9,\"total_amount\":1e15");
    assert_eq!(parse(&largest).unwrap().total().to_string(), "1000000000000000.00");
}

#[test]
fn every_status_is_read_by_its_name() {
    for status in OrderStatus::ALL {
        assert_eq!(parse(&with("status", &format!("\"{}\"", status.as_str()))).unwrap().status(), status);
    }
}

#[test]
fn a_total_must_be_the_product_of_price_and_quantity() {
    for value in ["39.98", "\"39.98\"", "3998e-2", "\"39.980\""] {
        assert!(parse(&with("total_amount", value)).is_ok(), "{value}");
    }
    assert_eq!(error("total_amount", "39.99"), "must be price × quantity, which is 39.98");
    assert_eq!(error("total_amount", "39.981"), "must have at most two decimals");
    assert_eq!(error("total_amount", "1000000000000000.01"), "must be 0.01 to 1000000000000000.00");
    let body = WHOLE.replace("\"quantity\":2", "\"quantity\":0,\"total_amount\":5");
    assert_eq!(parse(&body).unwrap_err(), "quantity must be 1 to 1000000", "what it must be is not known");
}

#[test]
fn a_field_that_is_given_twice_is_an_error_even_with_the_same_value() {
    let body = WHOLE.replace("\"quantity\":2", "\"quantity\":2,\"quantity\":2");
    assert_eq!(parse(&body).unwrap_err(), "quantity must be given only once");
    let body = WHOLE.replace("\"quantity\":2", "\"quantity\":2,\"more\":1,\"more\":2");
    assert!(parse(&body).is_ok(), "what is dropped may be there more than once");
}

#[test]
fn a_time_that_no_text_can_have_is_no_default() {
    for now_ms in [i64::MIN, i64::MAX, 253_402_300_800_000] {
        let error = Order::parse(WHOLE.as_bytes(), now_ms).unwrap_err().to_string();
        assert!(error.starts_with("created_at is required, because"), "{error}");
        let body = with("created_at", "\"2026-11-28T20:15:00Z\"");
        assert!(Order::parse(body.as_bytes(), now_ms).is_ok());
    }
}

#[test]
fn a_body_that_is_not_an_object_is_rejected() {
    for (body, noun) in
        [("[]", "an array"), ("\"x\"", "a string"), (" -1e999", "a number"), ("null", "null"), ("true", "a boolean")]
    {
        assert_eq!(parse(body).unwrap_err(), format!("body must be a JSON object, not {noun}"), "{body}");
    }
}

#[test]
fn broken_json_is_rejected() {
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&deep).unwrap_err().starts_with("customer_id is required"), "depth costs nothing");
    let bodies: [&[u8]; 10] = [
        b"",
        b" ",
        b"{",
        b"[1",
        b"{\"price\":1.}",
        b"{'order_id':'A'}",
        b"{\"order_id\":\"A\"} x",
        b"{\"order_id\":\"a\xffb\"}",
        b"{\"\\ud800\":1}",
        b"{\"order_id\":\"a\nb\"}",
    ];
    for body in bodies {
        let errors = Order::parse(body, NOW_MS).unwrap_err();
        assert!(errors.is_of_body());
        let error = errors.to_string();
        assert!(error.starts_with("body is not valid JSON: ") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_value_is_json_that_any_producer_can_write() {
    let order = parse(&with("created_at", "\"2026-11-28T21:15:00+01:00\"")).unwrap();
    let value = concat!(
        r#"{"order_id":"A-17","customer_id":"C-1","product_id":"P-9","quantity":2,"price":"19.99","status":"PENDING","#,
        r#""created_at":"2026-11-28T20:15:00.000Z","total_amount":"39.98"}"#
    );
    assert_eq!(String::from_utf8(order.encode_value()).unwrap(), value);
}

/// Any order.
fn order() -> impl Strategy<Value = Order> {
    let id = || "\\PC{1,64}".prop_filter_map("it has invisible characters", |text| ids::parse(&text).ok());
    let price = prop_oneof![1..=100_000_000_000_i64, 1..=100_000_i64].prop_map(Cents::new);
    let created_at_ms = prop_oneof![-62_167_219_200_000..=253_402_300_799_999_i64, NOW_MS..=NOW_MS + 100_000];
    let status = prop::sample::select(&OrderStatus::ALL[..]);
    (id(), id(), id(), 1..=1_000_000_u32, price, status, created_at_ms).prop_map(
        |(order_id, customer_id, product_id, quantity, price, status, created_at_ms)| Order {
            order_id,
            customer_id,
            product_id,
            quantity,
            price,
            status,
            created_at_ms,
        },
    )
}

proptest! {
    #[test]
    fn a_value_reads_back_as_its_order(order in order(), now_ms: i64) {
        prop_assert_eq!(Order::parse(&order.encode_value(), now_ms), Ok(order));
    }

    #[test]
    fn a_document_is_as_the_library_writes_it(order in order(), partition: i32, offset: i64, timestamp_ms: i64) {
        let document = order.document(&Place { partition, offset, timestamp_ms });
        let (price, total) = (order.price.hundredths(), order.price.hundredths() * i64::from(order.quantity));
        let text = |hundredths: i64| format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let same = doc! {
            "_id": &order.order_id, "customer_id": &order.customer_id, "product_id": &order.product_id,
            "quantity": i64::from(order.quantity), "price": text(price), "price_cents": price,
            "status": order.status.as_str(), "created_at": DateTime::from_millis(order.created_at_ms),
            "total_amount": text(total), "total_amount_cents": total,
            "kafka": {
                "partition": partition, "offset": offset, "timestamp": DateTime::from_millis(timestamp_ms),
            },
        };
        prop_assert_eq!(Document::try_from(document).unwrap(), same);
    }

    /// However a client writes an amount, as a number or in a string, it is the same order.
    #[test]
    fn money_is_exact_in_every_text(order in order(), point in 0..20_usize, zeros in 0..20_usize, is_string: bool) {
        let digits = format!("{:0>21}", order.price.hundredths());
        let (whole, fraction) = digits.split_at(digits.len() - point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let fraction = format!("{fraction}{}", "0".repeat(zeros));
        let fraction = if fraction.is_empty() { String::new() } else { format!(".{fraction}") };
        let text = format!("{whole}{fraction}e{}", point as i32 - 2);
        let mut body: serde_json::Value = serde_json::from_slice(&order.encode_value()).unwrap();
        body["price"] = json!("PRICE");
        let body = body.to_string().replace("\"PRICE\"", &if is_string { format!("\"{text}\"") } else { text });
        prop_assert_eq!(parse(&body), Ok(order));
    }

    #[test]
    fn a_field_of_any_value_is_judged_without_hiding_another(
        field in prop::sample::select(&["order_id", "quantity", "price", "status", "created_at", "total_amount"][..]),
        value in prop_oneof![
            "\\PC{0,70}".prop_map(|text| json!(text)),
            any::<f64>().prop_map(|number| json!(number)),
            any::<i64>().prop_map(|number| json!(number)),
            Just(json!(null)), Just(json!([1])), Just(json!({ "a": 1 })), Just(json!(true)),
        ],
    ) {
        let body = with(field, &value.to_string()).replace("\"P-9\"", "9");
        let errors = parse(&body).unwrap_err();
        let product = "product_id must be a string, not a number";
        let others = errors.split("; ").filter(|error| *error != product).collect::<Vec<_>>();
        prop_assert!(errors.contains(product) && others.len() <= 1, "{}", errors);
        prop_assert!(others.iter().all(|error| error.starts_with(field)), "{}", errors);
    }

    #[test]
    fn any_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..200),
        like in "[\\[\\]{},\":\\\\ 1e.-]{0,60}",
    ) {
        for body in [body, like.into_bytes()] {
            let _ignored = Order::parse(&body, NOW_MS);
        }
    }
}
