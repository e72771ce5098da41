//! The one conditional write.

use std::collections::HashMap;
use std::num::NonZeroU32;

use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use keyplan_domain::admission::write::Form;
use keyplan_domain::admission::{Limits, MeterState};
use keyplan_domain::throttle::{Bucket, Gcra};
use keyplan_domain::time::Timestamp;
use keyplan_telemetry::{Counter, Distribution};

use super::state::{
    GCRA, MeterItem, TAT, day_attribute, method_attribute, method_settings_attribute, remaining_attribute, settings,
};
use crate::item::{attribute, number};
use crate::keys::Key;
use crate::race::Race;
use crate::{Store, StoreError};

/// What a write that spends sets besides TATs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Besides {
    /// The day's count, and the quota's with what it leaves, without those of
    /// the tokens that are counted already.
    Counts {
        /// How many are.
        settled: u32,
    },
    /// When the item may be removed, in seconds since the Unix epoch.
    Expiry(i128),
}

/// A write to be made.
#[derive(Debug)]
pub(super) struct Write<'a> {
    pub(super) key: &'a Key,
    pub(super) limits: &'a Limits,
    pub(super) now: Timestamp,
    pub(super) tokens: NonZeroU32,
    pub(super) form: Form<'a>,
    pub(super) besides: Besides,
    /// Attributes to remove along the way.
    pub(super) stale: &'a [String],
}

/// What came of it, with the item as it is now.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The condition held.
    Written(MeterItem),
    /// It did not; nothing has changed.
    Refused(MeterItem),
}

impl Store {
    /// Sends a write. One that met a transaction is sent again, since it has
    /// changed nothing; and once one of which nobody knows what became: it may
    /// then spend twice, which is the safe direction.
    ///
    /// # Errors
    /// When it cannot be sent, is throttled, or nobody knows again; when the
    /// table is out.
    pub(super) async fn spend(&self, write: Write<'_>) -> Result<Outcome, StoreError> {
        self.ask_usage(self.spend_unwatched(write)).await
    }

    async fn spend_unwatched(&self, write: Write<'_>) -> Result<Outcome, StoreError> {
        let mut race = Race::of_calls();
        let mut is_unknown = false;
        loop {
            match Box::pin(self.send(write.key, Expression::of(&write))).await {
                Err(Failure::Conflict) => race.lost().await?,
                Err(Failure::Unknown(_)) if !is_unknown => is_unknown = true,
                Err(failure) => return Err(failure.told()),
                Ok(outcome) => {
                    if matches!(outcome, Outcome::Written(_)) && !write.form.is_repair() {
                        self.metrics().observe(Distribution::LeaseSize, write.tokens.get().into());
                    }
                    return Ok(outcome);
                }
            }
        }
    }

    async fn send(&self, key: &Key, expression: Expression) -> Result<Outcome, Failure> {
        let Expression { update, condition, names, values } = expression;
        self.metrics().count(Counter::MeterWrites);
        let sent = self
            .client()
            .update_item()
            .table_name(self.usage_table())
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            // Sent again after a lost answer, it would spend twice and say so to nobody.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let item = MeterItem::read(&answer.attributes.unwrap_or_default());
                item.map(Outcome::Written).map_err(Failure::Over)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    let item = refused.item().map(MeterItem::read).transpose();
                    item.map(|item| Outcome::Refused(item.unwrap_or_default())).map_err(Failure::Over)
                }
                Some(UpdateItemError::TransactionConflictException(_)) => Err(Failure::Conflict),
                Some(
                    UpdateItemError::ProvisionedThroughputExceededException(_)
                    | UpdateItemError::RequestLimitExceeded(_)
                    | UpdateItemError::ThrottlingException(_),
                ) => Err(Failure::Throttled),
                // Before it changed anything: what it adds to is no number.
                Some(refused) if refused.code() == Some("ValidationException") => {
                    Err(Failure::Over(StoreError::Corrupt {
                        what: "of a meter",
                        detail: "DynamoDB cannot carry out a write on what it holds".to_owned(),
                    }))
                }
                _ => {
                    let told = StoreError::unavailable(OPERATION, &error);
                    // A wait that was long enough once is not gone through again.
                    let is_over = matches!(error, SdkError::TimeoutError(_) | SdkError::ConstructionFailure(_));
                    Err(if is_over { Failure::Over(told) } else { Failure::Unknown(told) })
                }
            },
        }
    }
}

pub(super) const OPERATION: &str = "UpdateItem";

/// Why a write has no outcome.
enum Failure {
    /// A transaction held the item; nothing has changed.
    Conflict,
    /// Turned away; nothing has changed.
    Throttled,
    /// Nobody knows whether it was carried out.
    Unknown(StoreError),
    /// Nor can it be found out by another.
    Over(StoreError),
}

impl Failure {
    fn told(self) -> StoreError {
        match self {
            Self::Conflict => StoreError::Conflict,
            Self::Throttled => StoreError::Throttled { operation: OPERATION },
            Self::Unknown(error) | Self::Over(error) => error,
        }
    }
}

/// An update with its condition, as DynamoDB takes them.
#[derive(Debug, Default)]
struct Expression {
    update: String,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// Where a bucket is kept: the attributes of its TAT and of its settings, and what
/// stands for them.
struct Place {
    name: &'static str,
    tat: String,
    settings: String,
}

impl Place {
    fn of_plan() -> Self {
        Self { name: "plan", tat: TAT.to_owned(), settings: GCRA.to_owned() }
    }

    fn of_method(slot: u16) -> Self {
        Self { name: "method", tat: method_attribute(slot), settings: method_settings_attribute(slot) }
    }
}

/// The parts of an expression, before they are joined.
#[derive(Default)]
struct Parts {
    sets: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn of(write: &Write<'_>) -> Self {
        let mut parts = Parts::default();
        let of_plan = write.limits.throttle.map(|gcra| (Place::of_plan(), gcra));
        let of_method = write.limits.method.map(|method| (Place::of_method(method.slot), method));
        match &write.form {
            Form::Guess(busy) => {
                if let Some((place, gcra)) = &of_plan {
                    parts.guess(place, *gcra, busy.plan, write);
                }
                if let Some((place, method)) = &of_method {
                    parts.guess(place, method.throttle, busy.method, write);
                }
                parts.spend(write);
            }
            Form::Replace { seen, next } | Form::Repair { seen, next } => {
                if let Some((place, _)) = &of_plan {
                    parts.replace(place, seen.bucket, next.bucket);
                }
                if let Some((place, method)) = &of_method {
                    let bucket = |state: &MeterState| state.methods.get(&method.slot).copied();
                    parts.replace(place, bucket(seen), bucket(next));
                }
                if !write.form.is_repair() {
                    parts.spend(write);
                }
            }
        }
        parts.join(write.stale)
    }
}

impl Parts {
    /// `tokens` of a bucket, in the form for a busy or an idle one.
    fn guess(&mut self, place: &Place, gcra: Gcra, is_busy: bool, write: &Write<'_>) {
        let increment = gcra.increment(write.tokens).unwrap_or(i128::MAX);
        let now = i128::from(write.now.as_nanos());
        let (name, by) = (self.tat_of(place), self.settings_of(place));
        self.values.insert(":now".into(), number(now));
        self.values.insert(format!(":{name}By"), AttributeValue::S(settings(gcra)));
        if is_busy {
            let limit = gcra.latest_conforming(write.now, write.tokens).unwrap_or(now);
            self.sets.push(format!("#{name} = #{name} + :{name}"));
            self.conditions.push(format!("#{name} > :now AND #{name} <= :{name}Limit AND {by} = :{name}By"));
            self.values.insert(format!(":{name}"), number(increment));
            self.values.insert(format!(":{name}Limit"), number(limit));
        } else {
            self.sets.push(format!("#{name} = :{name}, {by} = :{name}By"));
            self.conditions.push(format!("(attribute_not_exists(#{name}) OR (#{name} <= :now AND {by} = :{name}By))"));
            self.values.insert(format!(":{name}"), number(now.saturating_add(increment)));
        }
    }

    /// A bucket that is set, if it still is what was seen.
    fn replace(&mut self, place: &Place, seen: Option<Bucket>, next: Option<Bucket>) {
        let name = self.tat_of(place);
        match seen {
            Some(Bucket { tat, gcra }) => {
                let by = self.settings_of(place);
                self.conditions.push(format!("#{name} = :{name}Seen"));
                self.values.insert(format!(":{name}Seen"), number(tat));
                self.conditions.push(match gcra {
                    Some(gcra) => {
                        self.values.insert(format!(":{name}SeenBy"), AttributeValue::S(settings(gcra)));
                        format!("{by} = :{name}SeenBy")
                    }
                    None => format!("attribute_not_exists({by})"),
                });
            }
            None => self.conditions.push(format!("attribute_not_exists(#{name})")),
        }
        if let Some(Bucket { tat, gcra }) = next {
            self.sets.push(format!("#{name} = :{name}"));
            self.values.insert(format!(":{name}"), number(tat));
            if let Some(gcra) = gcra {
                let by = self.settings_of(place);
                self.sets.push(format!("{by} = :{name}By"));
                self.values.insert(format!(":{name}By"), AttributeValue::S(settings(gcra)));
            }
        }
    }

    /// What stands for a bucket's TAT, after `#` or `:`.
    fn tat_of(&mut self, place: &Place) -> &'static str {
        self.names.insert(format!("#{}", place.name), place.tat.clone());
        place.name
    }

    /// What stands for the attribute of its settings. DynamoDB refuses names that
    /// no expression uses.
    fn settings_of(&mut self, place: &Place) -> String {
        let by = format!("#{}By", place.name);
        self.names.insert(by.clone(), place.settings.clone());
        by
    }

    /// What a write sets that spends, besides TATs.
    fn spend(&mut self, write: &Write<'_>) {
        match write.besides {
            Besides::Counts { settled } => self.count(write, settled),
            Besides::Expiry(seconds) => {
                self.names.insert("#expires".into(), attribute::EXPIRES_AT.to_owned());
                self.values.insert(":expires".into(), number(seconds));
                self.sets.push("#expires = :expires".into());
            }
        }
    }

    fn count(&mut self, write: &Write<'_>, settled: u32) {
        let today = write.now.date();
        let tokens = i64::from(write.tokens.get().saturating_sub(settled));
        self.names.insert("#d".into(), day_attribute(today));
        self.values.insert(":n".into(), number(tokens));
        self.values.insert(":zero".into(), number(0));
        self.sets.push("#d = if_not_exists(#d, :zero) + :n".into());
        if let Some(quota) = write.limits.quota {
            let most = i64::from(quota.limit) - tokens;
            self.names.insert("#q".into(), quota.window(write.now).counter());
            self.names.insert("#r".into(), remaining_attribute(today));
            self.values.insert(":most".into(), number(most));
            self.sets.push("#q = if_not_exists(#q, :zero) + :n".into());
            self.sets.push("#r = :most - if_not_exists(#q, :zero)".into());
            self.conditions.push(if most < 0 {
                "#q <= :most".into()
            } else {
                "(attribute_not_exists(#q) OR #q <= :most)".into()
            });
        }
    }

    fn join(mut self, stale: &[String]) -> Expression {
        let mut update = format!("SET {}", self.sets.join(", "));
        let mut removed = Vec::new();
        for (place, name) in stale.iter().enumerate() {
            self.names.insert(format!("#old{place}"), name.clone());
            removed.push(format!("#old{place}"));
        }
        if !removed.is_empty() {
            update = format!("{update} REMOVE {}", removed.join(", "));
        }
        let condition = (!self.conditions.is_empty()).then(|| self.conditions.join(" AND "));
        Expression { update, condition, names: self.names, values: self.values }
    }
}

#[cfg(test)]
pub(super) mod tests;
