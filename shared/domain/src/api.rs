//! REST APIs and what belongs to them, as the control plane keeps them and a
//! deployment freezes them.
//!
//! Member names are those of the `aws apigateway` wire, so that a stored item
//! reads like the answer made from it.

mod account;
mod authorizer;
mod definition;
mod gateway_response;
mod integration;
mod method;
mod model;
mod rest_api;
mod snapshot;
mod stage;
mod stage_throttle;

pub use account::Account;
pub use authorizer::{Authorizer, AuthorizerType, DEFAULT_AUTHORIZER_TTL_SECONDS};
pub use definition::RestApiDefinition;
pub use gateway_response::{GatewayResponse, GatewayResponseType};
pub use integration::{Integration, IntegrationResponse, IntegrationType, TlsConfig};
pub use method::{Method, MethodResponse, Resource};
pub use model::{Model, RequestValidator};
pub use rest_api::{EndpointConfiguration, RestApi};
pub use snapshot::{Deployment, Snapshot, SnapshotError};
pub use stage::{AccessLogSettings, MethodSetting, Stage};
pub use stage_throttle::StageThrottle;
