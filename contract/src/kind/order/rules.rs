//! The rules of an order, one for each field: a field that keeps its rule becomes a value, any other a message that
//! follows the field's name.

use super::cents::{AmountError, Cents};
use super::fields::{Given, Raw};
use super::ids;
use super::status::OrderStatus;
use crate::kind::time;

pub(super) const MAX_QUANTITY: u32 = 1_000_000;
pub(super) const MIN_AMOUNT: Cents = Cents::new(1);
pub(super) const MAX_PRICE: Cents = Cents::new(100_000_000_000);

/// A text of 1–64 visible characters, without the space around it.
pub(super) fn id(given: Given<'_>) -> Result<String, String> {
    ids::parse(&given.required()?.string()?)
}

/// A whole number from 1 to [`MAX_QUANTITY`].
pub(super) fn quantity(given: Given<'_>) -> Result<u32, String> {
    let value = given.required()?;
    let number = value.number().ok_or_else(|| format!("must be a number, not {}", value.noun()))?;
    // Some clients write 2 as 2.0. Hundredths are exact, whatever the notation.
    let quantity = match Cents::parse(number).map(Cents::hundredths) {
        Ok(hundredths) if hundredths % 100 == 0 => u32::try_from(hundredths / 100).ok(),
        Err(AmountError::OutOfRange) => None,
        Ok(_) | Err(AmountError::TooFine | AmountError::NotANumber) => return Err("must be a whole number".to_owned()),
    };
    let quantity = quantity.filter(|quantity| (1..=MAX_QUANTITY).contains(quantity));
    quantity.ok_or_else(|| format!("must be 1 to {MAX_QUANTITY}"))
}

/// An amount from 0.01 to [`MAX_PRICE`].
pub(super) fn price(given: Given<'_>) -> Result<Cents, String> {
    amount(given.required()?, MAX_PRICE)
}

/// One of the names of [`OrderStatus`].
pub(super) fn status(given: Given<'_>) -> Result<OrderStatus, String> {
    let Some(value) = given.optional()? else { return Ok(OrderStatus::default()) };
    let names = || format!("must be one of {}", OrderStatus::ALL.map(OrderStatus::as_str).join(", "));
    OrderStatus::from_name(&value.string()?).ok_or_else(names)
}

/// A time in ms since 1970, by default `now_ms`.
pub(super) fn created_at(given: Given<'_>, now_ms: i64) -> Result<i64, String> {
    match given.optional()? {
        Some(value) => time::parse(&value.string()?).map_err(str::to_owned),
        None if time::is_writable(now_ms) => Ok(now_ms),
        None => Err("is required, because the record's own time is not in the years 0000 to 9999".to_owned()),
    }
}

/// If it is given, the product of price and quantity, as far as these are known.
pub(super) fn total_amount(given: Given<'_>, price: Option<Cents>, quantity: Option<u32>) -> Result<(), String> {
    let Some(value) = given.optional()? else { return Ok(()) };
    let total = amount(value, MAX_PRICE.times(MAX_QUANTITY))?;
    match price.zip(quantity).map(|(price, quantity)| price.times(quantity)) {
        Some(product) if product != total => Err(format!("must be price × quantity, which is {product}")),
        _ => Ok(()),
    }
}

fn amount(value: Raw<'_>, max: Cents) -> Result<Cents, String> {
    let parsed = match value.number() {
        Some(number) => Cents::parse(number),
        None if value.noun() == "a string" => Cents::parse(&value.string()?),
        None => return Err(format!("must be a number or a string, not {}", value.noun())),
    };
    match parsed {
        Ok(amount) if (MIN_AMOUNT..=max).contains(&amount) => Ok(amount),
        Err(AmountError::NotANumber) => Err("must be a decimal number, as in 19.99".to_owned()),
        Err(AmountError::TooFine) => Err("must have at most two decimals".to_owned()),
        Ok(_) | Err(AmountError::OutOfRange) => Err(format!("must be {MIN_AMOUNT} to {max}")),
    }
}
