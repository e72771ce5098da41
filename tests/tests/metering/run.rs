//! What goes wrong while many call at once.

use keyplan_tests::dynamodb_proxy::{Fault, Rule};

/// A run, and what goes wrong in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) seed: u64,
    /// A process is killed and another takes its place.
    pub(crate) kills: bool,
    /// Answers get lost, operations fail.
    pub(crate) faults: bool,
    /// The quota's day ends.
    pub(crate) turns: bool,
}

impl Run {
    /// Of five in a row, each is another.
    pub(crate) fn of(number: u64) -> Self {
        let [kills, faults, turns] = match number % 5 {
            0 => [false, false, false],
            1 => [true, false, false],
            2 => [false, true, false],
            3 => [false, false, true],
            _ => [true, true, true],
        };
        Self { seed: number, kills, faults, turns }
    }

    /// Which of so many processes is killed.
    pub(crate) fn victim(self, processes: usize) -> usize {
        usize::try_from(self.seed).unwrap_or_default() % processes
    }
}

/// Writes to keys' meters that fail, or of which nobody is told, three in a
/// hundred of each sort.
pub(crate) fn faults() -> Vec<Rule> {
    let faults = [Fault::AnswerLost, Fault::FailedAfterwards, Fault::NotForwarded, Fault::InternalServerError];
    faults.map(|fault| Rule::of_meter_writes(fault).chance(0.03)).to_vec()
}
