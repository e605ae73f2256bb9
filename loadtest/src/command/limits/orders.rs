//! Orders for the raw measures: a fixed number of them, whose states take turns.

use contract::Order;

/// The number of orders.
pub(crate) const KEYS: u64 = 2_000;

/// State `n` of all orders; the ids start with `name`.
pub(crate) fn order(name: &str, n: u64) -> Order {
    const STATUSES: [&str; 3] = ["PENDING", "PROCESSING", "COMPLETED"];
    let (key, status, quantity) = (n % KEYS, STATUSES[(n / KEYS % 3) as usize], 1 + n % 9);
    let (customer, product, cents) = (key % 977, key % 89, n % 100);
    let body = format!(
        r#"{{"order_id":"{name}-{key}","customer_id":"customer-{customer}","product_id":"product-{product}",
            "quantity":{quantity},"price":"19.{cents:02}","status":"{status}"}}"#
    );
    Order::parse(body.as_bytes(), bson::DateTime::now().timestamp_millis()).expect("such an order is valid")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn states_of_all_orders_take_turns() {
        let ids = |start: u64| (start..start + KEYS).map(|n| order("run", n).order_id().to_owned()).collect();
        let (first, second): (BTreeSet<_>, BTreeSet<_>) = (ids(0), ids(KEYS));
        assert_eq!((first.len() as u64, &first), (KEYS, &second));
        assert_ne!(order("run", 0).status(), order("run", KEYS).status());
    }
}
