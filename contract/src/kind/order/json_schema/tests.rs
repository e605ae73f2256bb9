//! The schema against the parser, by bodies that are nearly orders.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// When the orders are placed, in ms since 1970.
const NOW_MS: i64 = 1_764_360_000_000;

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::options().should_validate_formats(true).build(&Order::json_schema()).unwrap());

/// Whether the schema can say if an id may hold this character.
fn is_expressible(character: &char) -> bool {
    u32::from(*character) < 0x1_0000 || ids::parse(&format!("a{character}b")).is_ok()
}

/// Texts around the bounds of an id, with space around and within.
fn id() -> impl Strategy<Value = Value> {
    let space = "[ \\t\\n\u{a0}\u{2003}\u{85}\u{3000}]{0,2}";
    let inner = prop_oneof![
        6 => "[a-zA-Z0-9 é日🙂𐀀-]{0,5}",
        2 => prop_oneof![62..67_usize].prop_map(|length| "é".repeat(length)),
        2 => any::<char>().prop_filter("not expressible", is_expressible).prop_map(|odd| format!("a{odd}b")),
        1 => "a[\u{ad}\u{feff}\u{2800}\u{7}]",
    ];
    (space, inner, space).prop_map(|(before, inner, after)| json!(format!("{before}{inner}{after}")))
}

/// Numbers that a double holds as they are written, and the same as texts.
fn amount() -> impl Strategy<Value = Value> {
    let whole = prop_oneof![
        Just("0".to_owned()),
        (1..1000_u64).prop_map(|whole| whole.to_string()),
        (999_999_999..1_000_000_002_u64).prop_map(|whole| whole.to_string()),
    ];
    let decimals = prop_oneof!["", "\\.[0-9]{1,2}", "\\.[0-9]{1,2}0{1,2}", "\\.[0-9]{3}"];
    let written = ("-?", whole, decimals).prop_map(|(sign, whole, decimals)| format!("{sign}{whole}{decimals}"));
    let text = prop_oneof![6 => written.clone(), 1 => "[-+ .0-9]{0,6}"];
    prop_oneof![written.prop_map(|number| serde_json::from_str(&number).unwrap()), text.prop_map(|text| json!(text)),]
}

/// Times in and around RFC 3339, apart from the first and the last day that it can write.
fn time() -> impl Strategy<Value = Value> {
    let date = prop_oneof!["(1|2)[0-9]{3}-(0[0-9]|1[0-3])-[0-3][0-9]", Just("2024-02-29".to_owned())];
    let clock = "[ Tt][0-2][0-9]:[0-6][0-9]:[0-6][0-9]";
    let fraction = prop_oneof![2 => "", 3 => "\\.[0-9]{1,3}0{0,7}", 1 => "\\.[0-9]{0,10}"];
    let offset = prop_oneof![3 => "[Zz]", 3 => "[+-][0-2][0-9]:[0-6][0-9]", 1 => "[+-]?[0-9:]{0,5}"];
    (date, clock, fraction, offset)
        .prop_map(|(date, clock, fraction, offset)| json!(format!("{date}{clock}{fraction}{offset}")))
}

fn status() -> impl Strategy<Value = Value> {
    let mut names = OrderStatus::ALL.map(OrderStatus::as_str).to_vec();
    names.extend(["pending", "", "DONE"]);
    proptest::sample::select(names).prop_map(|name| json!(name))
}

/// Mostly a value of this kind; sometimes one of another type, or none.
fn mostly(value: impl Strategy<Value = Value> + 'static, missing: u32) -> BoxedStrategy<Option<Value>> {
    let other = proptest::sample::select(vec![json!(null), json!(true), json!([1]), json!({}), json!(""), json!(-1)]);
    prop_oneof![20 => value.prop_map(Some), 1 => other.prop_map(Some), missing => Just(None)].boxed()
}

fn quantity() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (1..=1_000_000_i64).prop_map(Value::from),
        1 => (0..1_000_002_u32).prop_map(|quantity| json!(f64::from(quantity))),
        2 => proptest::sample::select(vec![json!(0), json!(-1), json!(1_000_001), json!(u64::MAX), json!(0.5)]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_schema_accepts_what_the_parser_accepts(
        ids in [mostly(id(), 1), mostly(id(), 1), mostly(id(), 1)],
        quantity in mostly(quantity(), 1),
        price in mostly(amount(), 1),
        status in mostly(status(), 20),
        created_at in mostly(time(), 20),
    ) {
        let [order_id, customer_id, product_id] = ids;
        let fields = [
            ("order_id", order_id), ("customer_id", customer_id), ("product_id", product_id),
            ("quantity", quantity), ("price", price), ("status", status), ("created_at", created_at),
        ];
        judge_alike(fields)?;
    }

    #[test]
    fn one_odd_field_is_judged_alike((name, value) in prop_oneof![
        id().prop_map(|id| ("order_id", id)),
        amount().prop_map(|amount| ("price", amount)),
        amount().prop_map(|amount| ("total_amount", amount)),
        time().prop_map(|time| ("created_at", time)),
        time().prop_map(|time| ("other", time)),
    ]) {
        let mut fields = vec![
            ("order_id", Some(json!("A-17"))), ("customer_id", Some(json!("C-1"))), ("product_id", Some(json!("P-1"))),
            ("quantity", Some(json!(1))), ("price", Some(json!("19.99"))),
        ];
        fields.retain(|(other, _)| *other != name);
        fields.push((name, Some(value.clone())));
        if name == "total_amount" {
            // The product, so that the rule that the schema cannot express is kept.
            fields.retain(|(other, _)| *other != "price");
            fields.push(("price", Some(value)));
        }
        judge_alike(fields)?;
    }
}

fn judge_alike(fields: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Result<(), TestCaseError> {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let body = Value::Object(fields.collect());
    let parsed = Order::parse(body.to_string().as_bytes(), NOW_MS);
    prop_assert_eq!(SCHEMA.is_valid(&body), parsed.is_ok(), "{}: {:?}", body, parsed);
    Ok(())
}

#[test]
fn every_expressible_character_is_judged_alike() {
    for odd in (0..=0x10_ffff).filter_map(char::from_u32).filter(is_expressible).filter(|odd| {
        // All that is below the planes without characters, and a sample of the rest.
        u32::from(*odd) < 0x3000 || (0xfd00..0x1_0000).contains(&u32::from(*odd)) || u32::from(*odd) % 101 == 0
    }) {
        let order = json!({
            "order_id": format!("a{odd}b"), "customer_id": "C-1", "product_id": "P-1", "quantity": 1, "price": 1,
        });
        let is_accepted = Order::parse(order.to_string().as_bytes(), NOW_MS).is_ok();
        assert_eq!(SCHEMA.is_valid(&order), is_accepted, "U+{:04X}", u32::from(odd));
    }
}

#[test]
fn what_the_schema_cannot_express_is_what_its_documentation_lists() {
    let order = |name: &str, value: &str| {
        let mut order: Value =
            json!({"order_id":"A-17","customer_id":"C-1","product_id":"P-1","quantity":1,"price":"19.99"});
        order[name] = Value::Null;
        order.to_string().replace("null", value)
    };
    for (name, value, is_valid) in [
        ("price", r#""1e2""#, false),
        ("order_id", "\"a\u{e0001}\"", true),
        ("created_at", r#""0000-01-01T00:00:00+01:00""#, true),
        ("total_amount", "20", true),
    ] {
        let order = order(name, value);
        assert_eq!(SCHEMA.is_valid(&serde_json::from_str(&order).unwrap()), is_valid, "{order}");
        assert_ne!(Order::parse(order.as_bytes(), NOW_MS).is_ok(), is_valid, "{order}");
    }
}
