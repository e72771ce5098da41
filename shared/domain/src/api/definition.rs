use std::collections::BTreeMap;

use super::{
    Authorizer, GatewayResponse, GatewayResponseType, Method, Model, RequestValidator, Resource, RestApi, Snapshot,
    Stage,
};

/// Everything that belongs to one REST API, as it stands between deployments:
/// what edits of the API are made on, as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct RestApiDefinition {
    /// The API and its settings.
    pub api: RestApi,
    /// By id; the root among them.
    pub resources: BTreeMap<String, Resource>,
    /// By resource id, then verb.
    pub methods: BTreeMap<String, BTreeMap<String, Method>>,
    /// By id.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// By name.
    pub models: BTreeMap<String, Model>,
    /// By id.
    pub request_validators: BTreeMap<String, RequestValidator>,
    /// What is customised.
    pub gateway_responses: BTreeMap<GatewayResponseType, GatewayResponse>,
    /// By name.
    pub stages: BTreeMap<String, Stage>,
}

impl RestApiDefinition {
    /// A method, if the resource has one of that verb.
    #[must_use]
    pub fn method(&self, resource_id: &str, verb: &str) -> Option<&Method> {
        self.methods.get(resource_id)?.get(verb)
    }

    /// A method to edit.
    #[must_use]
    pub fn method_mut(&mut self, resource_id: &str, verb: &str) -> Option<&mut Method> {
        self.methods.get_mut(resource_id)?.get_mut(verb)
    }

    /// The resources right below `parent_id`.
    pub fn children<'a>(&'a self, parent_id: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.values().filter(move |resource| resource.parent_id.as_deref() == Some(parent_id))
    }

    /// The API as a deployment made now would freeze it.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut resources: Vec<Resource> = self.resources.values().cloned().collect();
        resources.sort_by(|a, b| a.path.cmp(&b.path));
        Snapshot {
            api: self.api.clone(),
            resources,
            methods: self.methods.clone(),
            authorizers: self.authorizers.clone(),
            models: self.models.clone(),
            request_validators: self.request_validators.clone(),
            gateway_responses: self.gateway_responses.values().cloned().collect(),
        }
    }
}
