use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::message::Message;
use super::operation::Operation;

/// What befalls an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out, and the connection ends without an answer.
    AnswerLost,
    /// It is carried out, and the answer is 500 `InternalServerError`.
    FailedAfterwards,
    /// It is not carried out, and the connection ends without an answer.
    NotForwarded,
    /// It is not carried out, and nothing comes of it for a minute.
    Hanging,
    /// It is not carried out: 500 `InternalServerError`.
    InternalServerError,
    /// It is not carried out: `ProvisionedThroughputExceededException`.
    Throttled,
    /// It is not carried out, as another transaction is at one of its items.
    TransactionConflict,
    /// It is carried out, later.
    Delay(Duration),
    /// It is answered as it was before the last change that the proxy saw; what
    /// is read consistently, or is not read, passes.
    Stale,
}

/// Which operations a fault befalls: of any kind and item unless it says more,
/// and all of them unless it says when.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    kind: Option<&'static str>,
    item: Option<&'static str>,
    when: When,
    matched: u64,
}

#[derive(Clone, Debug)]
enum When {
    Always,
    Chance(f64),
    At(BTreeSet<u64>),
}

impl Rule {
    /// A rule about every operation.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, kind: None, item: None, when: When::Always, matched: 0 }
    }

    /// A rule about every write to a key's meter.
    #[must_use]
    pub fn of_meter_writes(fault: Fault) -> Self {
        Self::new(fault).kind("UpdateItem").item("METER")
    }

    /// Only operations of this kind.
    #[must_use]
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Only operations on this sort of item ([`Operation::item`]).
    #[must_use]
    pub fn item(self, item: &'static str) -> Self {
        Self { item: Some(item), ..self }
    }

    /// Each with this probability, from 0 to 1.
    #[must_use]
    pub fn chance(self, chance: f64) -> Self {
        Self { when: When::Chance(chance), ..self }
    }

    /// Just the first, the third and so on of those that it is about, from 1.
    #[must_use]
    pub fn at(self, places: &[u64]) -> Self {
        Self { when: When::At(places.iter().copied().collect()), ..self }
    }

    fn strikes(&mut self, operation: &Operation, seed: u64) -> bool {
        let is_about =
            self.kind.is_none_or(|kind| kind == operation.kind) && self.item.is_none_or(|item| item == operation.item);
        if !is_about {
            return false;
        }
        self.matched += 1;
        match &self.when {
            When::Always => true,
            When::Chance(chance) => unit(seed.wrapping_add(self.matched)) < *chance,
            When::At(places) => places.contains(&self.matched),
        }
    }
}

/// What is done with an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) delay: Option<Duration>,
    pub(super) is_forwarded: bool,
    /// Whether the caller gets an earlier answer, where one may be given.
    pub(super) is_stale: bool,
    /// Whether the caller gets DynamoDB's own answer.
    pub(super) is_told: bool,
    /// What the caller gets instead; nothing, and the connection ends, if none.
    pub(super) answer: Option<ErrorAnswer>,
}

impl From<Option<Fault>> for Fate {
    fn from(fault: Option<Fault>) -> Self {
        let passed = Self { delay: None, is_forwarded: true, is_stale: false, is_told: true, answer: None };
        let refused = |answer| Self { is_forwarded: false, is_told: false, answer, ..passed };
        match fault {
            None => passed,
            Some(Fault::Stale) => Self { is_stale: true, ..passed },
            Some(Fault::Delay(delay)) => Self { delay: Some(delay), ..passed },
            Some(Fault::AnswerLost) => Self { is_told: false, ..passed },
            Some(Fault::FailedAfterwards) => Self { is_told: false, answer: Some(ErrorAnswer::Internal), ..passed },
            Some(Fault::NotForwarded) => refused(None),
            Some(Fault::Hanging) => Self { delay: Some(Duration::from_secs(60)), ..refused(None) },
            Some(Fault::InternalServerError) => refused(Some(ErrorAnswer::Internal)),
            Some(Fault::Throttled) => refused(Some(ErrorAnswer::Throttled)),
            Some(Fault::TransactionConflict) => refused(Some(ErrorAnswer::TransactionConflict)),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Schedule {
    seed: u64,
    rules: Vec<Rule>,
}

impl Schedule {
    pub(super) fn new(seed: u64, rules: Vec<Rule>) -> Self {
        Self { seed, rules }
    }

    pub(super) fn fate_of(&mut self, operation: &Operation) -> Fate {
        let mut fault = None;
        for (place, rule) in (0_u64..).zip(&mut self.rules) {
            // All are asked, so that what one does is no matter of the others.
            let strikes = rule.strikes(operation, mixed(self.seed.wrapping_add(place << 32)));
            fault = fault.or(strikes.then_some(rule.fault));
        }
        fault.into()
    }
}

/// An error as DynamoDB words it.
#[derive(Clone, Copy, Debug)]
pub(super) enum ErrorAnswer {
    Internal,
    Throttled,
    TransactionConflict,
}

impl ErrorAnswer {
    /// The answer to `request`.
    pub(super) fn of(self, request: &Message) -> Vec<u8> {
        let (status, kind, message) = match self {
            Self::Internal => (500, "InternalServerError", "The request processing has failed."),
            Self::Throttled => (
                400,
                "ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded.",
            ),
            Self::TransactionConflict => (400, "TransactionConflictException", "Transaction is ongoing for the item"),
        };
        let mut body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message});
        let sent: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if let (Self::TransactionConflict, Some(writes)) = (self, sent["TransactItems"].as_array()) {
            // One write of them meets the other transaction.
            let mut reasons = vec![json!({"Code": "None"}); writes.len()];
            if let Some(last) = reasons.last_mut() {
                *last = json!({"Code": "TransactionConflict", "Message": message});
            }
            body = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
                "CancellationReasons": reasons,
            });
        }
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Injected\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        (head + &body).into_bytes()
    }
}

/// The next number of SplitMix64.
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number from 0 up to 1.
fn unit(seed: u64) -> f64 {
    let bits = u32::try_from(mixed(seed) >> 32).unwrap_or_default();
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(seed: u64, rule: Rule) -> Vec<u64> {
        let operation = Operation { kind: "UpdateItem".into(), table: "usage".into(), item: "METER".into() };
        let mut schedule = Schedule::new(seed, vec![rule]);
        (1..=1000).filter(|_| !schedule.fate_of(&operation).is_told).collect()
    }

    #[test]
    fn chance_strikes_the_same_operations_for_the_same_seed() {
        let rule = || Rule::of_meter_writes(Fault::AnswerLost).chance(0.1);
        assert_eq!(struck(7, rule()), struck(7, rule()));
        assert_ne!(struck(7, rule()), struck(8, rule()));
        assert!((50..200).contains(&struck(7, rule()).len()), "about one in ten");
    }

    #[test]
    fn a_schedule_strikes_just_the_places_it_names() {
        assert_eq!(struck(0, Rule::of_meter_writes(Fault::NotForwarded).at(&[1, 500])), [1, 500]);
        assert!(struck(0, Rule::new(Fault::AnswerLost).kind("GetItem")).is_empty());
        assert!(struck(0, Rule::new(Fault::AnswerLost).item("VALUE")).is_empty());
        assert_eq!(struck(0, Rule::new(Fault::AnswerLost)).len(), 1000);
    }
}
