//! What is asked of the tokens of one issuer, as configured.

use std::collections::BTreeMap;
use std::time::Duration;

use keyplan_domain::token::Scope;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;

/// An issuer whose tokens are believed, and what is asked of them. Its JSON has
/// the names of these members, in camel case; what is not among them is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these must be in `aud`; with none, any audience will do.
    pub audiences: Vec<String>,
    /// What tokens may be signed with. All, if not said.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// What `typ` may be, without regard to case and to `application/` before
    /// it. If not said: `JWT`, `at+jwt`, or nothing.
    pub types: Option<Vec<String>>,
    /// By how much clocks may differ, in seconds.
    #[serde(default = "sixty")]
    pub leeway_seconds: u32,
    /// Claims that must be there, besides `iss` and `exp`.
    #[serde(default)]
    pub required_claims: Vec<ClaimName>,
    /// What claims must say: each must be one of its values or, if it is an
    /// array, have one of them.
    #[serde(default)]
    pub claim_values: BTreeMap<ClaimName, Vec<Value>>,
    /// Who it is that a key is mapped to.
    #[serde(default = "sub")]
    pub subject_claim: ClaimName,
    /// `principalId` of the answer.
    #[serde(default = "sub")]
    pub principal_claim: ClaimName,
    /// What the token may reach of a stage, as an array or separated by blanks:
    /// patterns of methods, `GET/pets/*`, or names in `scopes`. Others mean
    /// nothing here. The whole stage, if no claim is named.
    pub scope_claim: Option<ClaimName>,
    /// What a name among the scopes stands for.
    #[serde(default)]
    pub scopes: BTreeMap<String, Vec<Scope>>,
    /// Claims that are told to the backend, in `context`, where they are strings,
    /// numbers or booleans.
    #[serde(default)]
    pub context_claims: Vec<String>,
    /// Where its keys are. Found by OpenID Connect Discovery, if not said.
    pub jwks_uri: Option<String>,
    /// Its keys themselves: nothing is fetched then.
    pub jwks: Option<Value>,
    /// A file with its keys, which is believed like an answer that came at start.
    pub jwks_file: Option<std::path::PathBuf>,
    /// How long its keys are believed before they are fetched again, in seconds.
    #[serde(default = "ten_minutes")]
    pub jwks_max_age_seconds: u32,
    /// How long after an attempt to fetch them there is no other, whatever `kid`
    /// tokens name, in seconds.
    #[serde(default = "ten_seconds")]
    pub jwks_cooldown_seconds: u32,
    /// Makes a key for whoever is seen the first time. Nobody gets one, if not said.
    pub create_keys: Option<CreateKeys>,
}

/// How keys are made at first sight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateKeys {
    /// The plan of those whose token names none.
    pub usage_plan_id: Option<String>,
    /// The claim that names a plan.
    pub plan_claim: Option<ClaimName>,
    /// The ids of the plans that the claim may name. Without it the claim is a
    /// plan's id itself.
    pub plans: Option<BTreeMap<String, String>>,
    /// Keys made per minute, by all processes together.
    #[serde(default = "sixty")]
    pub per_minute: u32,
}

/// The name of a claim or, beginning with a slash, a JSON pointer to one that is
/// further inside (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct ClaimName(String);

/// Why an issuer makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// A member that must say something and does not.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// Two issuers of one name.
    #[error("{0} is there twice")]
    Twice(String),
    /// More leeway than clocks need.
    #[error("leewaySeconds must be at most {}", Issuer::MAX_LEEWAY_SECONDS)]
    Leeway,
    /// An address that keys are not taken from.
    #[error("{0} must be an https address, or http on this machine")]
    Address(&'static str),
    /// Keys from two sources.
    #[error("jwks leaves nothing to jwksUri and jwksFile")]
    TwoSources,
    /// Keys that are none.
    #[error("{name}: {cause}")]
    Keys {
        /// The member that holds or names them.
        name: &'static str,
        /// What is wrong with them.
        cause: String,
    },
    /// A claim that would hide what the authorizer itself says in `context`.
    #[error("contextClaims must not name {0}, which the authorizer says itself")]
    Context(String),
    /// Nobody's plan.
    #[error("createKeys needs usagePlanId, planClaim or both, and plans only beside planClaim")]
    NoPlan,
}

impl Issuer {
    /// The most that clocks are allowed to differ.
    pub const MAX_LEEWAY_SECONDS: u32 = 600;

    /// How far clocks may differ.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        Duration::from_secs(self.leeway_seconds.into())
    }

    /// Whether the members make sense together.
    pub(super) fn check(&self) -> Result<(), InvalidIssuer> {
        let empty = |is_empty: bool, name| if is_empty { Err(InvalidIssuer::Empty(name)) } else { Ok(()) };
        empty(self.issuer.is_empty(), "issuer")?;
        empty(self.audiences.iter().any(String::is_empty), "audiences")?;
        empty(self.algorithms.is_empty(), "algorithms")?;
        empty(self.types.as_ref().is_some_and(Vec::is_empty), "types")?;
        empty(self.claim_values.values().any(Vec::is_empty), "claimValues")?;
        empty(self.claim_names().any(|name| name.0.is_empty()), "the name of a claim")?;
        if self.leeway_seconds > Self::MAX_LEEWAY_SECONDS {
            return Err(InvalidIssuer::Leeway);
        }
        if self.jwks.is_some() && (self.jwks_uri.is_some() || self.jwks_file.is_some()) {
            return Err(InvalidIssuer::TwoSources);
        }
        let ours = |claim: &&String| super::OWN_CONTEXT.contains(&claim.as_str());
        if let Some(claim) = self.context_claims.iter().find(ours) {
            return Err(InvalidIssuer::Context(claim.clone()));
        }
        self.create_keys.as_ref().map_or(Ok(()), CreateKeys::check)
    }

    fn claim_names(&self) -> impl Iterator<Item = &ClaimName> {
        let plan = self.create_keys.as_ref().and_then(|create| create.plan_claim.as_ref());
        [&self.subject_claim, &self.principal_claim]
            .into_iter()
            .chain(&self.required_claims)
            .chain(self.claim_values.keys())
            .chain(&self.scope_claim)
            .chain(plan)
    }
}

impl CreateKeys {
    fn check(&self) -> Result<(), InvalidIssuer> {
        if self.per_minute == 0 {
            return Err(InvalidIssuer::Empty("perMinute"));
        }
        let names_a_plan = self.usage_plan_id.is_some() || self.plan_claim.is_some();
        if !names_a_plan || (self.plans.is_some() && self.plan_claim.is_none()) {
            return Err(InvalidIssuer::NoPlan);
        }
        Ok(())
    }
}

impl ClaimName {
    /// The claim of that name; null counts as absent.
    pub(super) fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let found = match self.0.strip_prefix('/') {
            None => claims.get(&self.0),
            Some(path) => {
                let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
                let claim = claims.get(&first.replace("~1", "/").replace("~0", "~"));
                claim.and_then(|claim| rest.map_or(Some(claim), |rest| claim.pointer(&format!("/{rest}"))))
            }
        };
        found.filter(|claim| !claim.is_null())
    }
}

impl From<&str> for ClaimName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

fn all_algorithms() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

fn sub() -> ClaimName {
    "sub".into()
}

fn ten_seconds() -> u32 {
    10
}

fn sixty() -> u32 {
    60
}

fn ten_minutes() -> u32 {
    600
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::issuer::with;
    use super::*;

    fn issuer(members: &Value) -> Result<Issuer, String> {
        let all = with(json!({"issuer": "https://issuer.example", "audiences": []}), members);
        let issuer: Issuer = serde_json::from_value(all).map_err(|error| error.to_string())?;
        issuer.check().map(|()| issuer).map_err(|error| error.to_string())
    }

    #[test]
    fn little_need_be_said() {
        let issuer = issuer(&json!({})).unwrap();
        assert_eq!(issuer.algorithms, Algorithm::ALL);
        assert_eq!(issuer.leeway(), Duration::from_secs(60));
        assert_eq!((issuer.jwks_max_age_seconds, issuer.jwks_cooldown_seconds), (600, 10));
        assert_eq!(issuer.subject_claim, "sub".into());
        assert_eq!(issuer.create_keys, None);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (members, because) in [
            (json!({"issuer": ""}), "issuer must not be empty"),
            (json!({"audiences": null}), "invalid type: null"),
            (json!({"audiences": [""]}), "audiences must not be empty"),
            (json!({"audience": ["a"]}), "unknown field `audience`"),
            (json!({"algorithms": []}), "algorithms must not be empty"),
            (json!({"algorithms": ["none"]}), "unknown variant `none`"),
            (json!({"algorithms": ["HS256"]}), "unknown variant `HS256`"),
            (json!({"types": []}), "types must not be empty"),
            (json!({"leewaySeconds": 601}), "leewaySeconds must be at most 600"),
            (json!({"leewaySeconds": -1}), "invalid value"),
            (json!({"claimValues": {"a": []}}), "claimValues must not be empty"),
            (json!({"subjectClaim": ""}), "the name of a claim must not be empty"),
            (json!({"scopes": {"read": ["pets"]}}), "a scope has the form VERB/path"),
            (json!({"jwks": {}, "jwksUri": "https://a"}), "jwks leaves nothing"),
            (json!({"contextClaims": ["apiKeyId"]}), "contextClaims must not name apiKeyId"),
            (json!({"createKeys": {}}), "createKeys needs usagePlanId"),
            (json!({"createKeys": {"usagePlanId": "a", "plans": {}}}), "createKeys needs usagePlanId"),
            (json!({"createKeys": {"usagePlanId": "a", "perMinute": 0}}), "perMinute must not be empty"),
        ] {
            let refused = issuer(&members).unwrap_err();
            assert!(refused.contains(because), "{members}: {refused}");
        }
    }

    #[test]
    fn a_claim_is_named_or_pointed_at() {
        let Value::Object(claims) = json!({
            "tenant": "a", "https://example.com/tenant": "b", "realm": {"roles": ["c"], "a/b": "d"}, "nothing": null,
        }) else {
            panic!("no object")
        };
        let of = |name: &str| ClaimName::from(name).of(&claims).and_then(Value::as_str);
        assert_eq!(of("tenant"), Some("a"));
        assert_eq!(of("/tenant"), Some("a"));
        assert_eq!(of("https://example.com/tenant"), Some("b"));
        assert_eq!(of("/realm/roles/0"), Some("c"));
        assert_eq!(of("/realm/a~1b"), Some("d"));
        for absent in ["nothing", "/nothing", "realm.roles", "/realm/roles/1", "/", ""] {
            assert_eq!(of(absent), None, "{absent}");
        }
    }
}
