use contract::Order;
use contract::created::order_body;
use proptest::prelude::*;

use super::*;
use crate::ledger::plan::Keys;
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::Shape;
use contract::Kind;

const NOW_MS: i64 = 1_795_896_900_123;

fn orders(seed: u64, shape: Shape, bulk: u32) -> Orders {
    let keys = Keys { users: 7, all: 100 };
    Orders::of(RunPlan { kind: Kind::Order, keys, bulk, ..RunPlan::of_posts(RunId::fresh(), seed, shape) })
}

proptest! {
    #[test]
    fn what_is_sent_says_exactly_what_is_expected(seed: u64, n in 0_u64..1_000_000, vu in 0_u32..7, hostile: bool) {
        let shape = Shape { hostile_share: if hostile { 1.0 } else { 0.0 }, ..Shape::default() };
        let orders = orders(seed, shape, 1);
        let (planned, state) = (orders.order(n, vu), orders.state(n, vu).unwrap());
        prop_assert!(!planned.is_invalid);
        let order = Order::parse(&planned.body, NOW_MS);
        prop_assert!(order.is_ok(), "{:?} of {}", order, String::from_utf8_lossy(&planned.body));
        let order = order.unwrap();
        prop_assert_eq!(order.order_id(), &state.order_id);
        let place = Place { partition: 3, offset: 17, timestamp_ms: NOW_MS };
        prop_assert_eq!(Document::try_from(order.document(&place)).unwrap(), state.document(place));
        let value = serde_json::from_slice(&order.encode_value()).unwrap();
        prop_assert_eq!(state.value_differs(&value, NOW_MS), None);
        let answer: Value = serde_json::from_slice(&order_body(&order)).unwrap();
        let (id, total) = (answer["order_id"].as_str().unwrap(), answer["total_amount"].as_str().unwrap());
        prop_assert_eq!(answered_id(id, total), state.answer());
        prop_assert_eq!(orders.number_in(order.customer_id()), Some(n));
        prop_assert_eq!(orders.key_of(order.order_id()), Some(orders.key(n, vu)));
    }

    #[test]
    fn an_order_that_breaks_a_rule_is_rejected(seed: u64, n in 0_u64..1_000_000, is_bulk: bool) {
        let shape = Shape { invalid_share: 1.0, is_bulk, ..Shape::default() };
        let orders = orders(seed, shape, 1);
        let planned = orders.order(n, 3);
        prop_assert!(planned.is_invalid && orders.state(n, 3).is_none());
        let body = String::from_utf8_lossy(&planned.body);
        prop_assert!(Order::parse(&planned.body, NOW_MS).is_err(), "{}", body);
        prop_assert!(!is_bulk || serde_json::from_slice::<serde::de::IgnoredAny>(&planned.body).is_ok(), "{}", body);
    }

    #[test]
    fn a_key_is_read_only_from_its_own_id(seed: u64, n: u64, vu in 0_u32..7, hostile: bool, more in "[0-9x ]{1,3}") {
        let shape = Shape { hostile_share: if hostile { 1.0 } else { 0.0 }, ..Shape::default() };
        let orders = orders(seed, shape, 1);
        let key = orders.key(n, vu);
        prop_assert!(key.number < orders.plan.keys.of_user(vu));
        let id = orders.id(key);
        prop_assert!(id.chars().count() <= LONGEST_ID);
        prop_assert_ne!(orders.key_of(&format!("{id}{more}")), Some(key));
        prop_assert_eq!(orders.key_of(&id[1..]), None);
        let other = Orders::of(RunPlan { run: RunId::fresh(), ..orders.plan });
        prop_assert!(orders.is_of_run(&id) && !other.is_of_run(&id));
    }
}

#[test]
fn every_difference_of_a_value_is_named() {
    let orders = orders(1, Shape::default(), 1);
    let state = OrderState { created_at_ms: None, ..orders.state(5, 2).unwrap() };
    let order = Order::parse(&orders.order(5, 2).body, NOW_MS).unwrap();
    let value: Value = serde_json::from_slice(&order.encode_value()).unwrap();
    let created_at = DateTime::from_millis(NOW_MS).try_to_rfc3339_string().unwrap();
    for name in ["order_id", "customer_id", "product_id", "quantity", "price", "status", "total_amount", "created_at"] {
        let mut changed = value.clone();
        changed["created_at"] = created_at.clone().into();
        assert_eq!(state.value_differs(&changed, NOW_MS), None);
        changed[name] = "1970-01-01T00:00:00Z".into();
        assert_eq!(state.value_differs(&changed, NOW_MS), Some(format!("{name} in the record")));
    }
    let mut more = value.clone();
    more["created_at"] = created_at.into();
    more["note"] = 1.into();
    assert_eq!(state.value_differs(&more, NOW_MS).as_deref(), Some("note is not in an order"));
}

#[test]
fn an_answer_is_both_what_it_names_and_its_total() {
    let id = answered_id("A-1", "1.00");
    assert_eq!(id, answered_id("A-1", "1.00"));
    for (order, total) in [("A-1", "1.01"), ("A-2", "1.00"), ("A-11", ".00"), ("", "A-11.00")] {
        assert_ne!(id, answered_id(order, total));
    }
}
