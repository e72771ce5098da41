//! How every item's key is spelt, in both tables.

use std::borrow::Cow;

use keyplan_domain::id::{ApiKeyId, RestApiId, UsagePlanId};
use keyplan_domain::key::KeyHash;
use keyplan_domain::subject::{SubjectHash, SubjectId};
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::TokenHash;

use crate::meter::Scope;

/// Partition and sort key of an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// `pk`
    pub pk: String,
    /// `sk`
    pub sk: Cow<'static, str>,
}

impl Key {
    fn new(pk: impl Into<String>, sk: impl Into<Cow<'static, str>>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    /// The key in a partition that begins with `prefix` and ends there.
    pub(crate) fn in_partition(pk: &str, prefix: &str) -> Self {
        Self::new(pk, prefix.to_owned())
    }

    /// Whether an item can have it: 2,048 bytes of partition key and 1,024 of sort
    /// key at most (DynamoDB Developer Guide, "Constraints in Amazon DynamoDB").
    pub(crate) fn can_be(&self) -> bool {
        self.pk.len() <= 2_048 && self.sk.len() <= 1_024
    }
}

/// The partition of an API and all that belongs to it.
#[must_use]
pub fn api_partition(api: &RestApiId) -> String {
    format!("API#{api}")
}

/// A REST API.
#[must_use]
pub fn api(api: &RestApiId) -> Key {
    Key::new(api_partition(api), API)
}

/// A resource.
#[must_use]
pub fn resource(api: &RestApiId, id: &str) -> Key {
    Key::new(api_partition(api), format!("{RESOURCE}{id}"))
}

/// A method with its integration and responses.
#[must_use]
pub fn method(api: &RestApiId, resource: &str, verb: &str) -> Key {
    Key::new(api_partition(api), format!("{RESOURCE}{resource}#{verb}"))
}

/// An authorizer.
#[must_use]
pub fn authorizer(api: &RestApiId, id: &str) -> Key {
    Key::new(api_partition(api), format!("{AUTHORIZER}{id}"))
}

/// A model, by its name.
#[must_use]
pub fn model(api: &RestApiId, name: &str) -> Key {
    Key::new(api_partition(api), format!("{MODEL}{name}"))
}

/// A request validator.
#[must_use]
pub fn request_validator(api: &RestApiId, id: &str) -> Key {
    Key::new(api_partition(api), format!("{VALIDATOR}{id}"))
}

/// A customised gateway response.
#[must_use]
pub fn gateway_response(api: &RestApiId, kind: &str) -> Key {
    Key::new(api_partition(api), format!("{RESPONSE}{kind}"))
}

/// A stage.
#[must_use]
pub fn stage(api: &RestApiId, name: &str) -> Key {
    Key::new(api_partition(api), format!("{STAGE}{name}"))
}

/// That something was written ahead of the edit of an API that it belongs to.
#[must_use]
pub fn ahead(api: &RestApiId, id: &str) -> Key {
    Key::new(api_partition(api), format!("{AHEAD}{id}"))
}

/// The partition of what an edit changes that is larger than a transaction.
#[must_use]
pub fn edit_partition(api: &RestApiId, edit: &str) -> String {
    format!("EDIT#{api}#{edit}")
}

/// That the partition `pk` is being deleted.
#[must_use]
pub fn tombstone(pk: String) -> Key {
    Key::new(pk, "GONE")
}

/// That a stage is in a plan.
#[must_use]
pub fn stage_plan(api: &RestApiId, stage: &str, plan: &UsagePlanId) -> Key {
    Key::new(api_partition(api), format!("{}{plan}", stage_plans(stage)))
}

/// What the sort keys of all plans of a stage begin with.
#[must_use]
pub fn stage_plans(stage: &str) -> String {
    format!("{STAGE_PLAN}{stage}#")
}

/// Sort key of an API.
pub const API: &str = "API";
/// What the sort keys of resources and methods begin with.
pub const RESOURCE: &str = "RES#";
/// What the sort keys of authorizers begin with.
pub const AUTHORIZER: &str = "AUTHORIZER#";
/// What the sort keys of models begin with.
pub const MODEL: &str = "MODEL#";
/// What the sort keys of request validators begin with.
pub const VALIDATOR: &str = "VALIDATOR#";
/// What the sort keys of gateway responses begin with.
pub const RESPONSE: &str = "RESPONSE#";
/// What the sort keys of stages begin with.
pub const STAGE: &str = "STAGE#";
/// What the sort keys of a stage's plans begin with.
pub const STAGE_PLAN: &str = "STAGEPLAN#";
/// What the sort keys of records of what is written ahead begin with.
pub const AHEAD: &str = "AHEAD#";
/// What the sort keys of a deployment's chunks begin with.
pub const CHUNK: &str = "CHUNK#";
/// What the sort keys of a plan's keys begin with.
pub const PLAN_KEY: &str = "KEY#";
/// What the sort keys of a key's tokens begin with.
pub const KEY_TOKEN: &str = "TOKEN#";
/// What the sort keys of a key's subjects begin with.
pub const KEY_SUBJECT: &str = "SUBJECT#";

/// The partition of a deployment.
#[must_use]
pub fn deployment_partition(api: &RestApiId, deployment: &str) -> String {
    format!("DEPLOYMENT#{api}#{deployment}")
}

/// A deployment's description: present once all its chunks are.
#[must_use]
pub fn deployment(api: &RestApiId, deployment: &str) -> Key {
    Key::new(deployment_partition(api, deployment), "META")
}

/// What the sort keys begin with of the chunks that one attempt at a deployment
/// wrote.
#[must_use]
pub fn chunks(attempt: &str) -> String {
    format!("{CHUNK}{attempt}#")
}

/// A piece of a deployment's compressed snapshot.
#[must_use]
pub fn chunk(api: &RestApiId, deployment: &str, attempt: &str, number: usize) -> Key {
    Key::new(deployment_partition(api, deployment), format!("{}{number:04}", chunks(attempt)))
}

/// The partition of a plan and its keys.
#[must_use]
pub fn plan_partition(plan: &UsagePlanId) -> String {
    format!("PLAN#{plan}")
}

/// A usage plan.
#[must_use]
pub fn plan(plan: &UsagePlanId) -> Key {
    Key::new(plan_partition(plan), "PLAN")
}

/// That a key is in a plan.
#[must_use]
pub fn plan_key(plan: &UsagePlanId, key: &ApiKeyId) -> Key {
    Key::new(plan_partition(plan), format!("{PLAN_KEY}{key}"))
}

/// The partition of a key.
#[must_use]
pub fn key_partition(key: &ApiKeyId) -> String {
    format!("KEY#{key}")
}

/// An API key, the one place that keeps its value besides its tokens and subjects.
#[must_use]
pub fn api_key(key: &ApiKeyId) -> Key {
    Key::new(key_partition(key), "KEY")
}

/// That a token leads to a key: what tokens are listed and revoked by.
#[must_use]
pub fn key_token(key: &ApiKeyId, token_id: &str) -> Key {
    Key::new(key_partition(key), format!("{KEY_TOKEN}{token_id}"))
}

/// That a key stands for a subject: what subjects are listed and removed by.
#[must_use]
pub fn key_subject(key: &ApiKeyId, subject_id: &SubjectId) -> Key {
    Key::new(key_partition(key), format!("{KEY_SUBJECT}{subject_id}"))
}

/// A key by the hash of its value. Its existence makes values unique.
#[must_use]
pub fn value(hash: &KeyHash) -> Key {
    Key::new(format!("VALUE#{hash}"), "VALUE")
}

/// A token by its hash.
#[must_use]
pub fn token(hash: &TokenHash) -> Key {
    token_of_hash(&hash.to_string())
}

/// A token by its hash, as it is kept under its key.
#[must_use]
pub fn token_of_hash(hash: &str) -> Key {
    Key::new(format!("TOKEN#{hash}"), "TOKEN")
}

/// A subject by its hash. Its existence makes its key the only one.
#[must_use]
pub fn subject(hash: &SubjectHash) -> Key {
    Key::new(format!("SUBJECT#{hash}"), "SUBJECT")
}

/// What is set for the account.
#[must_use]
pub fn account() -> Key {
    Key::new("ACCOUNT", "ACCOUNT")
}

/// How far the local stack's clock was moved.
#[must_use]
pub fn local_clock() -> Key {
    Key::new("CLOCK", "CLOCK")
}

/// The meter of a key in a plan (usage table).
#[must_use]
pub fn meter(plan: &UsagePlanId, key: &ApiKeyId) -> Key {
    // Spelt by every request: `format!` takes five times as long.
    Key::new([plan.as_str(), "#", key.as_str()].concat(), "METER")
}

/// A month of a meter's history, `202611` (usage table).
#[must_use]
pub fn history(plan: &UsagePlanId, key: &ApiKeyId, month: &str) -> Key {
    Key::new(format!("{plan}#{key}"), format!("HISTORY#{month}"))
}

/// A bucket that callers share (usage table).
#[must_use]
pub fn bucket(scope: &Scope<'_>) -> Key {
    match scope {
        Scope::Method { api, stage, stage_uid, resource, verb } => {
            Key::new(format!("STAGE#{api}#{stage}#{stage_uid}#{resource}#{verb}"), "METER")
        }
        Scope::Account => Key::new("ACCOUNT", "METER"),
    }
}

/// A counter of [`crate::atomicity`] (usage table).
#[must_use]
pub fn race(id: &str) -> Key {
    Key::new(format!("RACE#{id}"), "RACE")
}

/// A key that no item of the usage table has.
#[must_use]
pub(crate) fn nothing() -> Key {
    Key::new("NOTHING", "NOTHING")
}

/// A key that no item has, of a partition that the authorizer may read.
#[must_use]
pub fn no_token() -> Key {
    Key::new("TOKEN#", "NOTHING")
}

/// A key that no item has, of a partition that all who read configuration may
/// read: reading it shows whether the table answers.
#[must_use]
pub fn no_plan() -> Key {
    Key::new("PLAN#", "NOTHING")
}

/// The lists of the index `byList`.
pub mod list {
    use super::{ApiKeyId, RestApiId, Timestamp, UsagePlanId};

    /// All REST APIs.
    pub const APIS: &str = "APIS";
    /// All API keys.
    pub const KEYS: &str = "KEYS";
    /// All usage plans.
    pub const PLANS: &str = "PLANS";

    /// A plan's keys.
    #[must_use]
    pub fn plan_keys(plan: &UsagePlanId) -> String {
        format!("PLANKEYS#{plan}")
    }

    /// A key's tokens.
    #[must_use]
    pub fn tokens(key: &ApiKeyId) -> String {
        format!("TOKENS#{key}")
    }

    /// A key's subjects.
    #[must_use]
    pub fn subjects(key: &ApiKeyId) -> String {
        format!("SUBJECTS#{key}")
    }

    /// An API's deployments.
    #[must_use]
    pub fn deployments(api: &RestApiId) -> String {
        format!("DEPLOYMENTS#{api}")
    }

    /// A place in a list: the creation time in microseconds, so that the
    /// newest can come first, and an id to tell equals apart.
    #[must_use]
    pub fn place(created: Timestamp, id: &str) -> String {
        format!("{:020}#{id}", created.as_micros())
    }
}
