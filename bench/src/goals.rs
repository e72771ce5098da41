//! The goals that are measured, each in a file of its own.

mod g0;
mod l1;

use crate::figure::Figure;

/// A goal and how it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The DynamoDB in use is atomic.
    G0,
    /// The local stack starts fast and stays small.
    L1,
}

pub(crate) fn all() -> impl Iterator<Item = Goal> {
    [Goal::G0, Goal::L1].into_iter()
}

pub(crate) fn ids() -> Vec<&'static str> {
    all().map(|goal| goal.id()).collect()
}

impl Goal {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::G0 => "G0",
            Self::L1 => "L1",
        }
    }

    /// What it is about, in a few words.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::G0 => "the embedded DynamoDB is atomic",
            Self::L1 => "the local stack is ready at once and small",
        }
    }

    pub(crate) async fn measure(self) -> Vec<Figure> {
        match self {
            Self::G0 => g0::measure().await,
            Self::L1 => l1::measure().await,
        }
    }
}
