use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Authorizer, GatewayResponse, Method, Model, RequestValidator, Resource, RestApi};
use crate::time::Timestamp;

/// A deployment: the name of an immutable [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Six characters.
    pub id: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    pub created_date: Timestamp,
}

/// An API as a deployment froze it: what a stage serves until it is pointed at
/// another. Stages, plans and keys are not in it and act at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The API and its settings, the key source among them.
    pub api: RestApi,
    /// All resources, by path.
    pub resources: Vec<Resource>,
    /// Methods by resource id, then verb.
    pub methods: BTreeMap<String, BTreeMap<String, Method>>,
    /// By id.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// By name. None in deployments made before models were frozen, like the
    /// validators.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Model>,
    /// By id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_validators: BTreeMap<String, RequestValidator>,
    /// What is customised.
    pub gateway_responses: Vec<GatewayResponse>,
}

/// Why an API cannot be deployed as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Nothing could be called.
    #[error("The REST API doesn't contain any methods")]
    NoMethods,
    /// Some method has nothing to answer it.
    #[error("No integration defined for method")]
    MethodWithoutIntegration,
}

impl Snapshot {
    /// Whether the API can be deployed so.
    ///
    /// # Errors
    /// When it has no method, or a method has no integration.
    pub fn validate(&self) -> Result<(), SnapshotError> {
        let mut methods = self.methods.values().flat_map(BTreeMap::values).peekable();
        if methods.peek().is_none() {
            return Err(SnapshotError::NoMethods);
        }
        if methods.all(|method| method.method_integration.is_some()) {
            Ok(())
        } else {
            Err(SnapshotError::MethodWithoutIntegration)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::RestApiId;

    #[test]
    fn a_snapshot_of_before_models_were_frozen_is_read() {
        let snapshot = Snapshot {
            api: RestApi::new(RestApiId::new("api"), "pets", "root", Timestamp::default()),
            resources: Vec::new(),
            methods: BTreeMap::new(),
            authorizers: BTreeMap::new(),
            models: BTreeMap::new(),
            request_validators: BTreeMap::new(),
            gateway_responses: Vec::new(),
        };
        let old = json!({
            "api": snapshot.api, "resources": [], "methods": {}, "authorizers": {}, "gatewayResponses": [],
        });
        assert_eq!(serde_json::to_value(&snapshot).unwrap(), old);
        assert_eq!(serde_json::from_value::<Snapshot>(old).unwrap(), snapshot);
    }
}
