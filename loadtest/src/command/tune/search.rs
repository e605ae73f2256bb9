//! Which setting is tried next: the pure core of `tune`. It plans with the number of trials that are left. Which of two
//! settings is the better one, [`super::slo`] says.
//!
//! 1. Where the start is not the defaults, both are tried in turns; the better one is the centre.
//! 2. Each knob alone is turned away from the centre, to each of its values, and the centre is tried again between
//!    every two of them. If few trials are left, each knob's most promising values come first.
//!    What looks best is tried once more, unless one value was clearly in the way of all others.
//! 3. All that has helped together, and what has helped most alone, are tried in turns with the centre; the best
//!    becomes the next centre. If trials are left, the search continues with 2: if one knob was in the way, the
//!    others count only now.
//! 4. The best and the start are tried in turns, to know the gain and how certain it is.

use std::collections::{BTreeMap, VecDeque};

use super::compare::{Ratio, TrialShown, around_centre, by_round, fitting, in_turns, latencies_by_round};
use super::knobs::KnobSetting;
use super::slo::{self, Slo};
use crate::load::statistics::interval::mean_and_half_width;
use crate::report::tune::trial::TrialStage;
use worth::{TrialBlock, Worth, turned};

pub(crate) mod worth;

/// A search.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    choices: Vec<usize>,
    start: KnobSetting,
    defaults: KnobSetting,
    slo: Slo,
    /// The best setting so far.
    centre: KnobSetting,
    /// How often the knobs were turned around this centre.
    screens: usize,
    /// Rounds of each kind, as the first number of trials that were left allows.
    rounds: Option<Rounds>,
    blocks: Vec<TrialBlock>,
    planned: VecDeque<KnobSetting>,
    is_done: bool,
}

#[derive(Debug, Clone, Copy)]
struct Rounds {
    combine: usize,
    confirm: usize,
}

/// The best setting beside the start, both tried in turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ConfirmedBest {
    /// Its rate over that of the start.
    pub(crate) gain: Ratio,
    /// The median p99 of both, in milliseconds.
    pub(crate) best_p99_ms: f64,
    pub(crate) start_p99_ms: f64,
    /// Whether it is certainly better.
    pub(crate) is_better: bool,
}

/// Rounds of start and defaults.
const STARTS: usize = 2;

/// Knobs are turned around the same centre at most this often.
const SCREENS: usize = 2;

impl Search {
    /// A search with this number of values for each knob.
    pub(crate) fn new(choices: Vec<usize>, start: KnobSetting, defaults: KnobSetting, slo: Slo) -> Self {
        Self {
            choices,
            slo,
            centre: start.clone(),
            start,
            defaults,
            screens: 0,
            rounds: None,
            blocks: Vec::new(),
            planned: VecDeque::new(),
            is_done: false,
        }
    }

    /// What to try next if this many trials are left, and what for; `None` if the search is over. It is asked again
    /// only after [`Self::record`].
    pub(crate) fn next(&mut self, left: usize) -> Option<(TrialStage, KnobSetting)> {
        let rounds =
            *self.rounds.get_or_insert(Rounds { combine: (left / 16).clamp(1, 3), confirm: (left / 8).clamp(2, 5) });
        if left == 0 {
            return None;
        }
        let is_confirming = self.stage() == Some(TrialStage::Confirm);
        if !is_confirming && left <= 2 * rounds.confirm {
            self.planned.clear();
        }
        while self.planned.is_empty() && !self.is_done {
            self.plan(left, rounds);
        }
        Some((self.stage()?, self.planned.front()?.clone()))
    }

    /// What the trial that was asked for has shown; `None` if it could not be measured.
    pub(crate) fn record(&mut self, shown: Option<TrialShown>) {
        if let (Some(setting), Some(block)) = (self.planned.pop_front(), self.blocks.last_mut()) {
            block.trials.push((setting, shown));
        }
    }

    /// Everything that was tried.
    #[cfg(test)]
    pub(crate) fn blocks(&self) -> &[TrialBlock] {
        &self.blocks
    }

    /// The best setting, whether it was confirmed or not.
    pub(crate) fn best(&self) -> &KnobSetting {
        &self.centre
    }

    /// The best setting beside the start; `None` unless both were tried in turns, more than once.
    pub(crate) fn confirmed(&self) -> Option<ConfirmedBest> {
        let block = self.blocks.last().filter(|block| block.stage == TrialStage::Confirm)?;
        let of_rates = by_round(&block.trials, block.contenders, &self.centre, &self.start);
        let certain = |logarithms: &[f64]| mean_and_half_width(logarithms).filter(|(_, half)| half.is_finite());
        let gain = Ratio::of_logarithm(certain(&of_rates)?, of_rates.len());
        let p99_ms = |setting: &KnobSetting| slo::p99_ms(&block.trials, setting);
        let (best_p99_ms, start_p99_ms) = (p99_ms(&self.centre)?, p99_ms(&self.start)?);
        let is_better = match (self.slo.holds(best_p99_ms), self.slo.holds(start_p99_ms)) {
            (true, true) => gain.low > 1.0,
            (true, false) => true,
            (false, true) => false,
            (false, false) => {
                let of_latencies = latencies_by_round(&block.trials, block.contenders, &self.start, &self.centre);
                certain(&of_latencies).is_some_and(|(mean, half_width)| mean > half_width)
            }
        };
        Some(ConfirmedBest { gain, best_p99_ms, start_p99_ms, is_better })
    }

    /// What to set: the best setting if it is certainly better than the start, else the start.
    pub(crate) fn recommended(&self) -> &KnobSetting {
        if self.confirmed().is_some_and(|confirmed| confirmed.is_better) { &self.centre } else { &self.start }
    }

    /// What each value that was tried alone is worth, those around the first centre first.
    pub(crate) fn worth(&self) -> Vec<Worth> {
        worth::of_each_value(&self.blocks, self.slo)
    }

    /// The noise of a single trial, as a share of the rate; `None` if no setting was tried often enough.
    pub(crate) fn noise(&self) -> Option<f64> {
        worth::noise(&self.blocks)
    }

    fn stage(&self) -> Option<TrialStage> {
        self.blocks.last().map(|block| block.stage)
    }

    fn plan(&mut self, left: usize, rounds: Rounds) {
        let reserved = 2 * rounds.confirm;
        match self.stage() {
            None if self.start != self.defaults && left >= 2 * STARTS + reserved => {
                self.take_turns(TrialStage::Starts, vec![self.start.clone(), self.defaults.clone()], STARTS);
            }
            None | Some(TrialStage::Starts | TrialStage::Combine) => {
                let best = self.blocks.last().map(|block| worth::winner(block, self.slo));
                if let Some(best) = best.filter(|best| *best != self.centre) {
                    (self.centre, self.screens) = (best, 0);
                }
                if !self.screen(left, rounds) {
                    self.confirm(left, rounds);
                }
            }
            Some(TrialStage::Screen) => {
                // One value is in the way of all others: replace it first.
                let is_clear = worth::around(&self.blocks, &self.centre, self.slo).iter().any(|worth| worth.is_clear);
                if !is_clear && self.screen(left, rounds) {
                    return;
                }
                let contenders = worth::contenders(&self.blocks, &self.centre, self.slo);
                let affordable = left.saturating_sub(reserved) / contenders.len();
                if contenders.len() > 1 && affordable > 0 {
                    self.take_turns(TrialStage::Combine, contenders, rounds.combine.min(affordable));
                } else {
                    self.confirm(left, rounds);
                }
            }
            Some(TrialStage::Confirm) => self.is_done = true,
        }
    }

    /// Turns each knob alone, as far as it can be afforded; whether it can.
    fn screen(&mut self, left: usize, rounds: Rounds) -> bool {
        let spare = left.saturating_sub(2 * rounds.confirm + 3 * rounds.combine);
        // The second time those that look best are tried again, so that small gains can be distinguished from noise.
        let affordable = fitting(if self.screens == 0 { spare * 2 / 3 } else { spare });
        let mut moves = self.moves();
        moves.truncate(affordable);
        if self.screens == SCREENS || moves.is_empty() {
            return false;
        }
        self.screens += 1;
        let order = around_centre(&self.centre, &moves);
        self.begin(TrialStage::Screen, 0, order);
        true
    }

    fn confirm(&mut self, left: usize, rounds: Rounds) {
        if self.centre != self.start && left >= 2 {
            let contenders = vec![self.start.clone(), self.centre.clone()];
            self.take_turns(TrialStage::Confirm, contenders, rounds.confirm.min(left / 2));
        } else {
            self.is_done = true;
        }
    }

    fn take_turns(&mut self, stage: TrialStage, contenders: Vec<KnobSetting>, rounds: usize) {
        self.begin(stage, contenders.len(), in_turns(&contenders, rounds));
    }

    fn begin(&mut self, stage: TrialStage, contenders: usize, order: Vec<KnobSetting>) {
        self.planned = order.into();
        self.blocks.push(TrialBlock { stage, centre: self.centre.clone(), contenders, trials: Vec::new() });
    }

    /// Every knob turned alone to each of its other values: what looked best before first, then each knob's first
    /// value, each knob's second one, and so on. Values that are certainly worse than this centre are left out.
    fn moves(&self) -> Vec<KnobSetting> {
        let mut known: BTreeMap<(usize, usize), f64> = BTreeMap::new();
        for Worth { centre, setting, advantage, is_worse, .. } in self.worth() {
            if let Some(knob) = turned(&setting, &centre) {
                let is_left_out = is_worse && centre == self.centre;
                known.insert((knob, setting[knob]), if is_left_out { 0.0 } else { advantage.exp() });
            }
        }
        let most = self.choices.iter().copied().max().unwrap_or_default();
        let mut moves = Vec::new();
        for value in 0..most {
            for knob in
                (0..self.choices.len()).filter(|knob| value < self.choices[*knob] && self.centre[*knob] != value)
            {
                let mut setting = self.centre.clone();
                setting[knob] = value;
                moves.push((known.get(&(knob, value)).copied().unwrap_or(1.0), setting));
            }
        }
        moves.sort_by(|one, other| other.0.total_cmp(&one.0));
        moves.into_iter().filter(|(ratio, _)| *ratio > 0.0).map(|(_, setting)| setting).collect()
    }
}

#[cfg(test)]
mod tests;
