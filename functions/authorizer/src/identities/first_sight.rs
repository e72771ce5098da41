//! Keys for whoever is seen the first time, where an issuer's rules have them
//! made: one each, however many ask at once, and no more per minute than
//! configured, in all processes together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyplan_domain::admission::Limits;
use keyplan_domain::id::UsagePlanId;
use keyplan_domain::key::{ApiKey, ApiKeyId, hex};
use keyplan_domain::throttle::ThrottleSettings;
use keyplan_store::clock::Clock;
use keyplan_store::{FirstSight, FirstSightError, MappedSubject, Meter, Store, entropy};
use sha2::{Digest, Sha256};

use crate::AuthorizerError;
use crate::jwt::{Identity, Issuer};

/// Under what the makings of all issuers are counted, where the meter of a key
/// has its plan.
const METERED_AS: &str = "ISSUER";

/// How long a refusal holds in this process at the most.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Attempts at an id and a value that no other key has.
const ATTEMPTS: u32 = 3;

/// Makes keys at first sight.
#[derive(Debug)]
pub(super) struct KeyMaker {
    store: Store,
    clock: Arc<dyn Clock>,
    meter: Meter,
    /// By issuer, of those that have keys made.
    limits: BTreeMap<String, Limits>,
}

impl KeyMaker {
    /// `None` where no issuer's rules have any made.
    pub(super) fn of(issuers: &[Issuer], store: &Store, clock: &Arc<dyn Clock>) -> Option<Self> {
        let limits = |issuer: &Issuer| {
            let per_minute = issuer.create_keys.as_ref()?.per_minute;
            let throttle = ThrottleSettings { burst_limit: per_minute, rate_limit: f64::from(per_minute) / 60.0 };
            Some((issuer.issuer.clone(), Limits { throttle: Some(throttle.into()), method: None, quota: None }))
        };
        let limits: BTreeMap<_, _> = issuers.iter().filter_map(limits).collect();
        (!limits.is_empty()).then(|| Self {
            meter: Meter::new(store.clone(), clock.clone(), REFUSED_FOR),
            store: store.clone(),
            clock: clock.clone(),
            limits,
        })
    }

    /// The key of a subject that has none, if its issuer's rules have one made.
    pub(super) async fn at_first_sight(&self, identity: &Identity) -> Result<Option<MappedSubject>, AuthorizerError> {
        let issuer = identity.subject.issuer();
        let (Some(limits), Some(plan)) = (self.limits.get(issuer), &identity.plan) else {
            return Ok(None);
        };
        let metered = self.meter.spend(&UsagePlanId::new(METERED_AS), &meter_of(issuer), limits).await?;
        if metered.is_err() {
            return Err(AuthorizerError::TooManyNewKeys);
        }
        for _ in 0..ATTEMPTS {
            match self.make(identity, plan).await {
                Ok(FirstSight::Made(mapped)) => {
                    tracing::info!(key_id = %mapped.record.key_id, plan_id = %plan, issuer, "a key is made at first sight");
                    return Ok(Some(mapped));
                }
                Ok(FirstSight::Already(mapped)) => return Ok(Some(mapped)),
                Err(FirstSightError::IdExists | FirstSightError::ValueExists) => {}
                Err(FirstSightError::PlanNotFound) => {
                    tracing::error!(plan_id = %plan, issuer, "the plan of keys made at first sight does not exist");
                    return Err(FirstSightError::PlanNotFound.into());
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(FirstSightError::IdExists.into())
    }

    async fn make(&self, identity: &Identity, plan: &UsagePlanId) -> Result<FirstSight, FirstSightError> {
        let now = self.clock.now();
        let key = ApiKey {
            id: entropy::api_key_id(),
            name: Some(identity.subject.subject().to_owned()),
            description: Some(format!("Made at first sight of a token of {}", identity.subject.issuer())),
            customer_id: None,
            enabled: true,
            created_date: now,
            last_updated_date: now,
            tags: BTreeMap::new(),
        };
        self.store.create_key_for_subject(&key, &entropy::key_value(), &identity.subject, plan).await
    }
}

/// Short and without a separator, whatever the issuer is called.
fn meter_of(issuer: &str) -> ApiKeyId {
    ApiKeyId::new(hex(&Sha256::digest(issuer.as_bytes())[..16]))
}
