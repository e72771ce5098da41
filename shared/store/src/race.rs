//! Running a lost race again.

use std::time::Duration;

use crate::StoreError;
use crate::transaction::Lost;

const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// What an attempt came to.
pub(crate) enum Attempt<T> {
    /// It is decided.
    Done(T),
    /// Somebody else was faster: read again and decide again.
    Again,
}

impl<T> Attempt<T> {
    /// The same, with what it came to.
    pub(crate) fn with<U>(self, done: U) -> Attempt<U> {
        match self {
            Self::Done(_) => Attempt::Done(done),
            Self::Again => Attempt::Again,
        }
    }

    /// Of a transaction all of whose conditions guard against races.
    pub(crate) fn of(committed: Result<(), Lost>, done: T) -> Result<Self, StoreError> {
        match committed {
            Ok(()) => Ok(Self::Done(done)),
            Err(Lost::Condition(_) | Lost::Conflict) => Ok(Self::Again),
            Err(Lost::Store(error)) => Err(error),
        }
    }
}

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Race {
    lost: u32,
    attempts: u32,
    longest_pause: Duration,
}

impl Race {
    /// Of a change to the configuration. There may be dozens of others, each of
    /// which takes tens of milliseconds; all pauses together, 6 seconds on average,
    /// stay well below what a function behind API Gateway has.
    pub(crate) fn of_edits() -> Self {
        Self { lost: 0, attempts: 20, longest_pause: Duration::from_secs(1) }
    }

    /// Of a write that a call of an API waits for.
    pub(crate) fn of_calls() -> Self {
        Self { lost: 0, attempts: 12, longest_pause: Duration::from_millis(200) }
    }

    /// Pauses for a random time that grows with every lost attempt.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] after too many.
    pub(crate) async fn lost(&mut self) -> Result<(), StoreError> {
        if self.lost == self.attempts {
            return Err(StoreError::Conflict);
        }
        let longest = FIRST_PAUSE.saturating_mul(1 << self.lost).min(self.longest_pause);
        self.lost += 1;
        tokio::time::sleep(longest.mul_f64(rand::random::<f64>())).await;
        Ok(())
    }
}

/// Runs a block that gives a `Result<Attempt<T>, E>` until it is decided, and
/// gives the `Result<T, E>`. A macro, since a future of an `AsyncFnMut` is not
/// known to be `Send`. Boxed, since the SDK's futures nest deep enough already: what
/// an attempt takes in memory is nothing to those who hold the whole.
macro_rules! until_decided {
    ($attempt:block) => {{
        let mut race = $crate::race::Race::of_edits();
        loop {
            match Box::pin(async { $attempt }).await {
                Ok($crate::race::Attempt::Done(value)) => break Ok(value),
                Ok($crate::race::Attempt::Again) => {
                    if let Err(error) = race.lost().await {
                        break Err(error.into());
                    }
                }
                Err(error) => break Err(error),
            }
        }
    }};
}

pub(crate) use until_decided;
