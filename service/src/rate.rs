//! How much each caller may send: a limit on its records in time ([`Limiter`]), and its share of what may be in flight
//! ([`Held`]).

mod addresses;
mod gcra;
mod held;
mod limited;
mod limiter;
mod quota;
mod standing;

pub use held::Held;
pub use limited::{Limited, RateState};
pub use limiter::{Limiter, Who};
pub use quota::Rate;
pub use standing::Standing;
