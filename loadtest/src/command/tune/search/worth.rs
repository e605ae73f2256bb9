//! What the trials of a search show: what each value of a knob is worth alone, and which of several settings is the
//! best, by what they store and whether they answer in time. Nothing here plans.

use std::collections::BTreeMap;

use crate::command::tune::compare::{Noise, Ratio, ShownTrial, against_centre, by_round};
use crate::command::tune::knobs::KnobSetting;
use crate::command::tune::slo::{Slo, is_decisive, p99_ms};
use crate::load::statistics::mean;
use crate::report::tune::trial::TrialStage;

/// Trials that are compared with each other.
#[derive(Debug, Clone)]
pub(crate) struct TrialBlock {
    pub(crate) stage: TrialStage,
    pub(crate) centre: KnobSetting,
    /// How many settings take turns, the centre included; meaningless in a screen.
    pub(crate) contenders: usize,
    pub(crate) trials: Vec<ShownTrial>,
}

/// What one value of one knob is worth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Worth {
    pub(crate) centre: KnobSetting,
    pub(crate) setting: KnobSetting,
    /// Its rate over that of the centre.
    pub(crate) ratio: Ratio,
    /// How much better it is, as a logarithm: by its rate, unless the latency decides.
    pub(crate) advantage: f64,
    /// Whether it is certainly worse.
    pub(crate) is_worse: bool,
    /// Whether the centre's value is in the way of all others: this one is better by far.
    pub(crate) is_clear: bool,
}

/// A value was in the way if another one certainly stores this many times more, or alone answers in time.
const CLEAR_GAIN: f64 = 1.2;

/// A smaller gain does not count: a setting that is only as good as the centre does not replace it.
const LEAST_GAIN: f64 = 0.01;

/// What each value that was tried alone is worth, those around the first centre first.
pub(crate) fn of_each_value(blocks: &[TrialBlock], slo: Slo) -> Vec<Worth> {
    let mut centres: Vec<&KnobSetting> = Vec::new();
    for block in blocks.iter().filter(|block| block.stage == TrialStage::Screen) {
        if !centres.contains(&&block.centre) {
            centres.push(&block.centre);
        }
    }
    centres.into_iter().flat_map(|centre| around(blocks, centre, slo)).collect()
}

/// The same, around this centre: by knob, the best value first.
pub(crate) fn around(blocks: &[TrialBlock], centre: &KnobSetting, slo: Slo) -> Vec<Worth> {
    let (mut logarithms, mut all) = (BTreeMap::<KnobSetting, Vec<f64>>::new(), Vec::new());
    for block in screens(blocks, centre) {
        for (setting, logarithm) in against_centre(&block.trials, centre) {
            logarithms.entry(setting).or_default().push(logarithm);
        }
        all.extend_from_slice(&block.trials);
    }
    let noise = Noise::of(&all, centre);
    let centre_ms = p99_ms(&all, centre);
    let worth = |(setting, logarithms): (KnobSetting, Vec<f64>)| {
        let half_width = noise.map_or(f64::INFINITY, |noise| noise.half_width(logarithms.len()));
        let ratio = Ratio::of_logarithm((mean(&logarithms), half_width), logarithms.len());
        let latencies = p99_ms(&all, &setting).zip(centre_ms);
        let advantage = latencies.map_or(0.0, |(its, centre_ms)| slo.advantage(ratio.ratio.ln(), its, centre_ms));
        // Where the centre is late, too, what is stored says nothing.
        let is_by_rate = centre_ms.is_none_or(|centre_ms| slo.holds(centre_ms)) && !is_decisive(advantage);
        let is_worse = if is_by_rate { ratio.high < 1.0 } else { is_decisive(advantage) && advantage < 0.0 };
        let is_clear = if is_by_rate { ratio.low > CLEAR_GAIN } else { is_decisive(advantage) && advantage > 0.0 };
        Worth { centre: centre.clone(), setting, ratio, advantage, is_worse, is_clear }
    };
    let mut worth: Vec<Worth> = logarithms.into_iter().map(worth).collect();
    let knob = |worth: &Worth| turned(&worth.setting, centre);
    worth.sort_by(|one, other| knob(one).cmp(&knob(other)).then(other.ratio.ratio.total_cmp(&one.ratio.ratio)));
    worth
}

/// The centre with everything that helped, and with what helped most. A gain within the noise has not helped.
pub(crate) fn contenders(blocks: &[TrialBlock], centre: &KnobSetting, slo: Slo) -> Vec<KnobSetting> {
    let all: Vec<ShownTrial> = screens(blocks, centre).flat_map(|block| block.trials.clone()).collect();
    let noise = Noise::of(&all, centre);
    let (mut together, mut best_alone) = (centre.clone(), (0.0, centre.clone()));
    let mut best_of_knob = vec![0.0; centre.len()];
    for Worth { setting, ratio, advantage: gain, .. } in around(blocks, centre, slo) {
        let Some(knob) = turned(&setting, centre) else { continue };
        let least = noise.map_or(0.0, |noise| noise.against_centre(ratio.trials)).max(LEAST_GAIN);
        if gain > least && gain > best_of_knob[knob] {
            (best_of_knob[knob], together[knob]) = (gain, setting[knob]);
        }
        if gain > least && gain > best_alone.0 {
            best_alone = (gain, setting);
        }
    }
    let mut contenders = vec![centre.clone()];
    for setting in [together, best_alone.1] {
        if !contenders.contains(&setting) {
            contenders.push(setting);
        }
    }
    contenders
}

/// The best of those that took turns: the centre, unless another one really gained.
pub(crate) fn winner(block: &TrialBlock, slo: Slo) -> KnobSetting {
    let mut best = (LEAST_GAIN, &block.centre);
    for (setting, _) in block.trials.iter().take(block.contenders) {
        let logarithms = by_round(&block.trials, block.contenders, setting, &block.centre);
        let latencies = p99_ms(&block.trials, setting).zip(p99_ms(&block.trials, &block.centre));
        let Some((its, centres)) = latencies.filter(|_| !logarithms.is_empty()) else { continue };
        let advantage = slo.advantage(mean(&logarithms), its, centres);
        if advantage > best.0 {
            best = (advantage, setting);
        }
    }
    best.1.clone()
}

/// The noise of a single trial, as a share of the rate; `None` if no setting was tried often enough.
pub(crate) fn noise(blocks: &[TrialBlock]) -> Option<f64> {
    let noises: Vec<f64> = blocks
        .iter()
        .filter_map(|block| Noise::of(&block.trials, &block.centre))
        .map(|noise| noise.deviation)
        .collect();
    (!noises.is_empty()).then(|| mean(&noises))
}

/// The first knob that is set differently.
pub(crate) fn turned(setting: &[usize], centre: &[usize]) -> Option<usize> {
    (0..setting.len()).find(|knob| setting[*knob] != centre[*knob])
}

fn screens<'a>(blocks: &'a [TrialBlock], centre: &'a KnobSetting) -> impl Iterator<Item = &'a TrialBlock> {
    blocks.iter().filter(move |block| block.stage == TrialStage::Screen && block.centre == *centre)
}
