//! How much work checking a body may be. Schemas whose alternatives contain
//! themselves, and patterns over long texts, could take any time otherwise.

/// What any body may take, in steps of some nanoseconds each.
const STEPS: u64 = 5_000_000;

/// What each byte of it adds.
const STEPS_PER_BYTE: u64 = 1_000;

/// What none may take more than.
const MOST: u64 = 500_000_000;

/// The work that is left.
pub(super) struct Work {
    left: u64,
}

/// It is not known whether something matches, since finding out takes too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Work {
    pub(super) fn on(bytes: usize) -> Self {
        Self { left: STEPS_PER_BYTE.saturating_mul(bytes as u64).saturating_add(STEPS).min(MOST) }
    }

    pub(super) fn give_up(&mut self) {
        self.left = 0;
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooLong> {
        self.left = self.left.saturating_sub(steps as u64);
        if self.left == 0 { Err(TooLong) } else { Ok(()) }
    }
}
