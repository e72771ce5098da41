//! The goals that are measured, each in a file of its own.

mod a1;
mod a2;
mod a3;
mod a4;
mod b1;
mod b2;
mod b3;
mod b4;
mod c1;
mod c2;
mod d;
mod f1;
mod f2;
mod g0;
mod keys;
mod l1;
mod load;

use keyplan_domain::id::UsagePlanId;

use crate::api::{Api, Error};
use crate::figure::Figure;

/// A goal and how it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Functions start at once.
    A1,
    /// The first invocation costs little more than those after it.
    A2,
    /// A start looks for nothing that is not there on Lambda.
    A3,
    /// Functions are small, in memory and as they are deployed.
    A4,
    /// The authorizer's own work is next to nothing.
    B1,
    /// As a Lambda function it costs little beside one that does nothing.
    B2,
    /// With its one read it is far faster than a Python function that does the same.
    B3,
    /// A JWT costs little more than its signature.
    B4,
    /// A decision in process is fast, however many keys there are.
    C1,
    /// The gateway costs little beside a server that decides nothing.
    C2,
    /// Metering costs few operations of DynamoDB.
    D1,
    /// Leased, a tenth or a hundredth of them.
    D2,
    /// Refusals cost next to none.
    D3,
    /// Finding a key is one operation, however many there are.
    F1,
    /// A page of a list is one operation, however many keys there are.
    F2,
    /// The DynamoDB in use is atomic.
    G0,
    /// What is configured and not called costs a request nothing.
    Keys,
    /// The local stack starts fast and stays small.
    L1,
    /// Whatever is refused, nothing of ours fails.
    Load,
}

pub(crate) fn all() -> impl Iterator<Item = Goal> {
    [
        Goal::A1,
        Goal::A2,
        Goal::A3,
        Goal::A4,
        Goal::B1,
        Goal::B2,
        Goal::B3,
        Goal::B4,
        Goal::C1,
        Goal::C2,
        Goal::D1,
        Goal::D2,
        Goal::D3,
        Goal::F1,
        Goal::F2,
        Goal::G0,
        Goal::Keys,
        Goal::L1,
        Goal::Load,
    ]
    .into_iter()
}

pub(crate) fn ids() -> Vec<&'static str> {
    all().map(|goal| goal.id()).collect()
}

impl Goal {
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::A1 => "A1",
            Self::A2 => "A2",
            Self::A3 => "A3",
            Self::A4 => "A4",
            Self::B1 => "B1",
            Self::B2 => "B2",
            Self::B3 => "B3",
            Self::B4 => "B4",
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::F1 => "F1",
            Self::F2 => "F2",
            Self::G0 => "G0",
            Self::Keys => "KEYS",
            Self::L1 => "L1",
            Self::Load => "LOAD",
        }
    }

    /// What it is about, in a few words.
    pub(crate) fn subject(self) -> &'static str {
        match self {
            Self::A1 => "a function's start beside one that does nothing, and beside Python",
            Self::A2 => "the first invocation beside those after it",
            Self::A3 => "what a start looks for",
            Self::A4 => "functions in memory and as they are deployed",
            Self::B1 => "the authorizer in process, the token known",
            Self::B2 => "the authorizer beside a function that does nothing",
            Self::B3 => "the authorizer with its one read beside Python and boto3",
            Self::B4 => "a JWT beside its signature alone",
            Self::C1 => "decisions upon key, plan, throttle and quota, in process",
            Self::C2 => "the gateway beside a bare server",
            Self::D1 => "what a key's meter costs in operations of DynamoDB",
            Self::D2 => "what it costs when leased",
            Self::D3 => "what refusals cost at four times the rate",
            Self::F1 => "a key is found by one operation of DynamoDB",
            Self::F2 => "a page of keys is one operation of DynamoDB",
            Self::G0 => "the embedded DynamoDB is atomic",
            Self::Keys => "a request costs the same with 100,000 keys as with one",
            Self::L1 => "the local stack is ready at once and small",
            Self::Load => "mixed refusals: no failure, no drop, no growth",
        }
    }

    pub(crate) async fn measure(self) -> Vec<Figure> {
        match self {
            Self::A1 => a1::measure().await,
            Self::A2 => a2::measure().await,
            Self::A3 => a3::measure().await,
            Self::A4 => a4::measure().await,
            Self::B1 => b1::measure().await,
            Self::B2 => b2::measure().await,
            Self::B3 => b3::measure().await,
            Self::B4 => b4::measure().await,
            Self::C1 => c1::measure().await,
            Self::C2 => c2::measure().await,
            Self::D1 | Self::D2 | Self::D3 => d::measure(self.id()).await,
            Self::F1 => f1::measure().await,
            Self::F2 => f2::measure().await,
            Self::G0 => g0::measure().await,
            Self::Keys => keys::measure().await,
            Self::L1 => l1::measure().await,
            Self::Load => load::measure().await,
        }
    }
}

/// A plan that refuses nobody and counts everybody.
pub(crate) async fn generous_plan(api: &Api) -> Result<UsagePlanId, Error> {
    api.plan(c2::GENEROUS, c2::QUOTA).await
}
