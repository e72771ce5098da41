use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of TestInvokeMethod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestInvokeMethodInput {
    /// `/path?query`
    pub path_with_query_string: Option<String>,
    /// The request's body.
    pub body: Option<String>,
    /// Headers of one value.
    pub headers: Option<BTreeMap<String, String>>,
    /// Headers of several values.
    pub multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    /// A certificate to present to the backend.
    pub client_certificate_id: Option<String>,
    /// `$stageVariables`
    pub stage_variables: Option<BTreeMap<String, String>>,
}

/// The answer of TestInvokeMethod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestInvokeMethodAnswer {
    /// The status that a caller would have got.
    pub status: u16,
    /// The body that a caller would have got.
    pub body: String,
    /// Each header with its last value.
    pub headers: BTreeMap<String, String>,
    /// Each header with all its values.
    pub multi_value_headers: BTreeMap<String, Vec<String>>,
    /// The execution log.
    pub log: String,
    /// Milliseconds.
    pub latency: u64,
}

/// The body of TestInvokeAuthorizer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestInvokeAuthorizerInput {
    /// Headers of one value.
    pub headers: Option<BTreeMap<String, String>>,
    /// Headers of several values.
    pub multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    /// `/path?query`
    pub path_with_query_string: Option<String>,
    /// The request's body.
    pub body: Option<String>,
    /// `$stageVariables`
    pub stage_variables: Option<BTreeMap<String, String>>,
    /// Values of `$context`.
    pub additional_context: Option<BTreeMap<String, String>>,
}

/// The answer of TestInvokeAuthorizer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestInvokeAuthorizerAnswer {
    /// 0, or the status that a caller would have got.
    pub client_status: u16,
    /// The execution log.
    pub log: String,
    /// Milliseconds.
    pub latency: u64,
    /// Who the caller is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// The policy document, as JSON in a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}
