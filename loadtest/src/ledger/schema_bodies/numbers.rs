//! Numbers within bounds, on a grid of exact decimals. A number is kept exactly as int64 or as a double: whole numbers
//! stay within 64 bits, and any other has at most fifteen digits, which every double gives back.

use super::decimal::Decimal;
use super::json::{Json, Number};
use crate::ledger::draws::Draws;

/// The most units, in either direction, of a number that is written with a point or an exponent.
const MOST_UNITS: i128 = 999_999_999_999_999;
/// The decimals that numbers have if no step is given.
const USUAL_DECIMALS: [u32; 5] = [0, 1, 2, 3, 6];
/// How far from zero, or from the bound that is nearest to it, plain numbers are, in steps.
const USUAL_STEPS: i128 = 1_000_000;
/// Doubles at the edges of what there is, the largest first: far above zero, just above it, and at zero.
const FAR: [&str; 4] = ["1.7976931348623157e308", "1e23", "1.0E+100", "9007199254740992.0"];
const NEAR: [&str; 3] = ["5e-324", "2.2250738585072014e-308", "1e-7"];
const ZERO: [&str; 3] = ["-0.0", "0E+9", "0.0e-5"];

/// A bound.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) at: Decimal,
    pub(super) is_exclusive: bool,
}

/// What a number must be.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) is_whole: bool,
    pub(super) low: Option<Bound>,
    pub(super) high: Option<Bound>,
    /// What it must be a multiple of.
    pub(super) step: Option<Decimal>,
}

/// The numbers of a schema.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    limits: Limits,
    /// Never empty.
    grids: Vec<Grid>,
    edges: Vec<&'static str>,
}

/// The multiples of a step by `least..=most`.
#[derive(Debug, Clone, Copy)]
struct Grid {
    step: Decimal,
    least: i128,
    most: i128,
}

impl Numbers {
    /// The numbers within these limits, or why there are none.
    pub(super) fn new(limits: Limits) -> Result<Self, &'static str> {
        let steps: Vec<Decimal> = match (limits.is_whole, limits.step) {
            (true, step) => vec![step.map_or(Decimal::new(1, 0), whole_step)],
            (false, Some(step)) => vec![step],
            (false, None) => {
                let bounds = [limits.low, limits.high].into_iter().flatten();
                let finest = bounds.map(|bound| bound.at.scale + 1).max().unwrap_or(0);
                USUAL_DECIMALS.into_iter().chain([finest]).map(|scale| Decimal { units: 1, scale }).collect()
            }
        };
        let grids: Vec<Grid> = steps.into_iter().filter_map(|step| Grid::new(step, &limits)).collect();
        if grids.is_empty() {
            return Err("leaves no number that is kept exactly");
        }
        Ok(Self { limits, grids, edges: edges(&limits) })
    }

    /// All of them as whole numbers, if they are at most this many.
    pub(super) fn all(&self, most: i128) -> Option<Vec<Json>> {
        let [Grid { step, least, most: last }] = self.grids[..] else { return None };
        let is_few = self.limits.is_whole && last - least < most;
        is_few.then(|| (least..=last).map(|steps| number(Decimal::text(steps * step.units, 0))).collect())
    }

    /// A number without any difficulty.
    pub(super) fn plain(&self, draws: &mut Draws) -> Json {
        let Grid { step, least, most } = draws.one_of(&self.grids);
        let center = 0.clamp(least, most);
        let (low, high) = (least.max(center - USUAL_STEPS), most.min(center + USUAL_STEPS));
        number(Decimal::text(between(low, high, draws) * step.units, step.scale))
    }

    /// A number at the edge of its bounds, or anywhere within them, in an unusual spelling.
    pub(super) fn hostile(&self, draws: &mut Draws) -> Json {
        if !self.edges.is_empty() && draws.one_in(4) {
            return number(draws.one_of(&self.edges).to_owned());
        }
        let Grid { step, least, most } = draws.one_of(&self.grids);
        let steps = match draws.below(6) {
            0 => least,
            1 => most,
            2 => (least + 1).min(most),
            3 => (most - 1).max(least),
            4 => 0.clamp(least, most),
            _ => between(least, most, draws),
        };
        let (units, scale) = (steps * step.units, step.scale);
        // A point makes a double of a whole number, and a double only holds fifteen digits.
        let spelling = if units.abs() > MOST_UNITS { 0 } else { draws.below(5) };
        number(match spelling {
            0 | 1 => Decimal::text(units, scale),
            2 if units.abs() <= MOST_UNITS / 10 => Decimal::text(units * 10, scale + 1),
            2 | 3 => format!("{units}e{}", -i64::from(scale)),
            _ => format!("{units}.0E{:+}", -i64::from(scale)),
        })
    }

    /// A number that breaks one of the limits; `None` if there is no limit to break.
    pub(super) fn broken(&self, draws: &mut Draws) -> Option<Json> {
        let Limits { low, high, step, .. } = self.limits;
        let one_off = |bound: Option<Bound>, direction: i128| {
            let Decimal { units, scale } = bound?.at;
            let units = units.checked_add(direction * 10_i128.checked_pow(scale)?)?;
            (units.abs() <= MOST_UNITS).then(|| Decimal::text(units, scale))
        };
        let between_steps = || {
            let Decimal { units, scale } = step?;
            (units <= MOST_UNITS / 10).then(|| Decimal::text(units * 5, scale + 1))
        };
        let broken: Vec<String> = [one_off(high, 1), one_off(low, -1), between_steps()].into_iter().flatten().collect();
        let index = draws.below(broken.len().max(1));
        broken.into_iter().nth(index).map(number)
    }
}

impl Grid {
    /// The multiples of a step within the limits that are kept exactly; `None` if there are none.
    fn new(step: Decimal, limits: &Limits) -> Option<Self> {
        // Validators may judge a multiple of a fraction as a double.
        let is_whole = step.scale == 0 && limits.step.is_none_or(|step| step.scale == 0);
        let (mut least, mut most) = if is_whole {
            // Truncated towards zero, so both are within 64 bits.
            (i128::from(i64::MIN) / step.units, i128::from(i64::MAX) / step.units)
        } else {
            (-MOST_UNITS / step.units, MOST_UNITS / step.units)
        };
        if let Some(Bound { at, is_exclusive }) = limits.low {
            let (steps, is_exact) = at.steps(step)?;
            least = least.max(if is_exact && !is_exclusive { steps } else { steps + 1 });
        }
        if let Some(Bound { at, is_exclusive }) = limits.high {
            let (steps, is_exact) = at.steps(step)?;
            most = most.min(if is_exact && is_exclusive { steps - 1 } else { steps });
        }
        (least <= most).then_some(Self { step, least, most })
    }
}

/// The smallest whole number that is a multiple of this step.
fn whole_step(step: Decimal) -> Decimal {
    let (mut common, mut rest) = (step.units, 10_i128.pow(step.scale));
    while rest != 0 {
        (common, rest) = (rest, common % rest);
    }
    Decimal::new(step.units / common, 0)
}

/// The doubles at the edges that are within the limits.
fn edges(limits: &Limits) -> Vec<&'static str> {
    if limits.is_whole || limits.step.is_some() {
        return Vec::new();
    }
    let mut edges = Vec::new();
    let (low, high) = (limits.low, limits.high);
    if high.is_none() && low.is_none_or(|low| low.at.units <= 0) {
        edges.extend(FAR);
    }
    let is_above_zero = high.is_none_or(|high| high.at.compare(Decimal::new(1, 6)).is_gt());
    if low.is_none_or(|low| low.at.units <= 0) && is_above_zero {
        edges.extend(NEAR);
    }
    if low.is_none_or(|low| low.at.units < 0) && is_above_zero {
        edges.extend(ZERO);
    }
    edges
}

/// A number in `low..=high`.
fn between(low: i128, high: i128, draws: &mut Draws) -> i128 {
    let span = (high - low).unsigned_abs() + 1;
    let random = (0..3).fold(0_u128, |random, _| random << 32 | draws.below(1 << 32) as u128);
    low + i128::try_from(random % span).expect("less than what 128 bits hold")
}

fn number(text: String) -> Json {
    Json::Number(Number::of(text))
}
