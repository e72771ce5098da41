//! Whether a token's claims are what its issuer's rules ask for, and what they
//! say (RFC 7519, 4.1; RFC 8725). Nothing is said here of its signature.

use std::collections::BTreeMap;
use std::time::Duration;

use keyplan_domain::id::UsagePlanId;
use keyplan_domain::subject::Subject;
use keyplan_domain::time::Timestamp;
use keyplan_domain::token::Scope;
use keyplan_wire::ContextValue;
use serde_json::{Map, Value};

use super::compact::Header;
use super::rules::Issuer;
use super::{Identity, JwtRejection};

/// Characters of a plan's id, at the most; they have ten or less.
const MAX_PLAN_ID: usize = 64;

type Claims = Map<String, Value>;

/// Holds a token against the rules of its issuer.
pub(super) fn identify(
    rules: &Issuer,
    header: &Header,
    claims: &Claims,
    now: Timestamp,
) -> Result<Identity, JwtRejection> {
    if !rules.algorithms.contains(&header.algorithm) {
        return Err(JwtRejection::Algorithm);
    }
    typ(rules, header.typ.as_deref())?;
    let expires = lifetime(rules, claims, now)?;
    audience(rules, claims)?;
    if rules.required_claims.iter().any(|name| name.of(claims).is_none()) {
        return Err(JwtRejection::Claims);
    }
    let says = |(name, values): (&super::rules::ClaimName, &Vec<Value>)| match name.of(claims) {
        Some(Value::Array(several)) => several.iter().any(|one| values.contains(one)),
        Some(one) => values.contains(one),
        None => false,
    };
    if !rules.claim_values.iter().all(says) {
        return Err(JwtRejection::Claims);
    }
    let text = |claim: Option<&Value>| match claim {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        _ => Err(JwtRejection::Subject),
    };
    let subject = text(rules.subject_claim.of(claims))?;
    let subject = Subject::new(&rules.issuer, &subject).map_err(|_| JwtRejection::Subject)?;
    Ok(Identity {
        hash: subject.hash(),
        subject,
        principal_id: text(rules.principal_claim.of(claims))?,
        scopes: rules.scope_claim.as_ref().map(|name| scopes(rules, name.of(claims))),
        plan: plan(rules, claims),
        context: context(rules, claims),
        expires,
    })
}

fn typ(rules: &Issuer, typ: Option<&str>) -> Result<(), JwtRejection> {
    // RFC 7515, 4.1.9: `application/` may be left out, and mostly is.
    let bare = |typ: &str| typ.to_ascii_lowercase().trim_start_matches("application/").to_owned();
    let allowed = match (&rules.types, typ) {
        (None, None) => true,
        (None, Some(typ)) => matches!(bare(typ).as_str(), "jwt" | "at+jwt"),
        (Some(_), None) => false,
        (Some(types), Some(typ)) => types.iter().any(|allowed| bare(allowed) == bare(typ)),
    };
    if allowed { Ok(()) } else { Err(JwtRejection::Type) }
}

/// When the token ends, which every token must, leeway included.
fn lifetime(rules: &Issuer, claims: &Claims, now: Timestamp) -> Result<Timestamp, JwtRejection> {
    let date = |name| match claims.get(name) {
        None => Ok(None),
        Some(claim) => numeric_date(claim).map(Some).ok_or(JwtRejection::Date),
    };
    let ends = date("exp")?.ok_or(JwtRejection::Date)?.plus(rules.leeway());
    // What is issued in the future is not held against it: `nbf` is for that.
    date("iat")?;
    if ends <= now {
        return Err(JwtRejection::Expired);
    }
    match date("nbf")? {
        Some(begins) if begins > now.plus(rules.leeway()) => Err(JwtRejection::NotYet),
        _ => Ok(ends),
    }
}

/// RFC 7519, 2: seconds since the epoch, which may have a fraction.
fn numeric_date(claim: &Value) -> Option<Timestamp> {
    if let Some(seconds) = claim.as_i64() {
        return Some(Timestamp::from_seconds(seconds));
    }
    let seconds = Duration::try_from_secs_f64(claim.as_f64()?);
    Some(Timestamp::default().plus(seconds.unwrap_or(if claim.as_f64()? < 0.0 {
        Duration::ZERO
    } else {
        Duration::MAX
    })))
}

fn audience(rules: &Issuer, claims: &Claims) -> Result<(), JwtRejection> {
    let is_meant = |one: &Value| one.as_str().is_some_and(|one| rules.audiences.iter().any(|audience| audience == one));
    let meant = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(is_meant),
        Some(one) => is_meant(one),
        None => false,
    };
    if meant || rules.audiences.is_empty() { Ok(()) } else { Err(JwtRejection::Audience) }
}

/// Those scopes that mean something here, each once.
fn scopes(rules: &Issuer, claim: Option<&Value>) -> Vec<Scope> {
    let words: Vec<&str> = match claim {
        Some(Value::String(words)) => words.split_ascii_whitespace().collect(),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut scopes: Vec<Scope> = Vec::new();
    for word in words {
        let named = rules.scopes.get(word).cloned();
        for scope in named.unwrap_or_else(|| Scope::parse(word).into_iter().collect()) {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    scopes
}

/// The plan that a key made at first sight goes into; `None` where no key is
/// made, since the token names a plan that is not on offer or nothing names one.
fn plan(rules: &Issuer, claims: &Claims) -> Option<UsagePlanId> {
    let create = rules.create_keys.as_ref()?;
    let id = match create.plan_claim.as_ref().and_then(|name| name.of(claims)) {
        None => create.usage_plan_id.as_deref()?,
        Some(named) => match &create.plans {
            Some(plans) => plans.get(named.as_str()?)?,
            None => named.as_str()?,
        },
    };
    // It becomes part of an item's key.
    let is_an_id = (1..=MAX_PLAN_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_an_id.then(|| UsagePlanId::new(id))
}

fn context(rules: &Issuer, claims: &Claims) -> BTreeMap<String, ContextValue> {
    let value = |name: &String| match claims.get(name)? {
        Value::String(text) => Some(text.as_str().into()),
        // API Gateway knows whole numbers.
        Value::Number(number) => Some(number.as_i64().map_or_else(|| number.to_string().into(), Into::into)),
        Value::Bool(truth) => Some((*truth).into()),
        _ => None,
    };
    rules.context_claims.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}
