//! Keeps calls away from a table that is out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyplan_domain::lease::Moment;
use keyplan_domain::outage::{Availability, Turn};

use crate::StoreError;
use crate::clock::Clock;

/// What one process knows of a table's state ([`keyplan_domain::outage`]), by
/// the calls that go through here. One line of the log tells that an outage
/// begins and one that it ends, both with the field `outage`.
#[derive(Debug)]
pub struct TableWatch {
    table: &'static str,
    clock: Arc<dyn Clock>,
    known: Mutex<Availability>,
}

impl TableWatch {
    /// One over the table that logs call `table`.
    #[must_use]
    pub fn new(table: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock, known: Mutex::default() }
    }

    /// Whether the table is out.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.known().is_out()
    }

    /// Whether [`TableWatch::ask`] would turn a call away now.
    #[must_use]
    pub fn turns_away(&self) -> bool {
        let known = self.known();
        // Most of the time nobody need read the clock.
        known.is_out() && known.turns_away(self.clock.moment())
    }

    /// Makes a call, unless the table is out: then it makes one a second and
    /// turns the others away.
    ///
    /// # Errors
    /// Those of the call; [`StoreError::Outage`] when it was not made.
    pub async fn ask<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let began = self.clock.moment();
        if !self.known().may_ask(began) {
            return Err(StoreError::Outage);
        }
        let answer = call.await;
        self.note(began, answer.as_ref().err());
        answer
    }

    /// Whoever is throttled or meets a transaction has an answer, but not one
    /// that others could count on.
    fn note(&self, began: Moment, error: Option<&StoreError>) {
        let now = self.clock.moment();
        let turn = match error {
            Some(StoreError::Unavailable { .. }) => self.known().failed(began, now),
            Some(StoreError::Throttled { .. } | StoreError::Conflict | StoreError::Outage) => None,
            Some(StoreError::InvalidPosition | StoreError::Corrupt { .. }) | None => self.known().succeeded(now),
        };
        match turn {
            Some(Turn::Began) => {
                let error = error.map(ToString::to_string);
                tracing::error!(
                    outage = "began",
                    table = self.table,
                    error,
                    "DynamoDB fails; it is asked once a second"
                );
            }
            Some(Turn::Ended { lasted }) => {
                let lasted_seconds = lasted.as_secs_f64();
                tracing::warn!(outage = "ended", table = self.table, lasted_seconds, "DynamoDB answers again");
            }
            None => {}
        }
    }

    fn known(&self) -> MutexGuard<'_, Availability> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
