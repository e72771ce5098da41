//! Every operation of the control plane, each at least once, by the functions.

use std::collections::BTreeMap;

use keyplan_tests::lambda;
use keyplan_tests::rest_api::ControlPlane as _;
use serde_json::{Value, json};

use crate::keyplan::{AUTHORIZER, Keyplan};

macro_rules! concat_method {
    ($below:literal) => {
        concat!("/restapis/<api>/resources/<pets>/methods/GET", $below)
    };
}

/// An operation: its name at API Gateway or, of Keyplan's own, here; its method
/// and path; its body; and what of its answer later ones name, as `name=member`.
/// `<name>` stands for that.
type Operation = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// In this order.
const OPERATIONS: &[Operation] = &[
    ("GetAccount", "GET", "/account", "", ""),
    ("UpdateAccount", "PATCH", "/account", "replace /throttle/rateLimit 1000", ""),
    ("UpdateAccount", "PATCH", "/account", "replace /throttle/burstLimit 1000", ""),
    ("CreateRestApi", "POST", "/restapis", r#"{"name": "all"}"#, "api=id root=rootResourceId"),
    ("GetRestApis", "GET", "/restapis?limit=5", "", ""),
    ("GetRestApi", "GET", "/restapis/<api>", "", ""),
    ("UpdateRestApi", "PATCH", "/restapis/<api>", "replace /name every", ""),
    ("CreateResource", "POST", "/restapis/<api>/resources/<root>", r#"{"pathPart": "pets"}"#, "pets=id"),
    ("GetResources", "GET", "/restapis/<api>/resources?embed=methods", "", ""),
    ("GetResource", "GET", "/restapis/<api>/resources/<pets>?embed=methods", "", ""),
    ("UpdateResource", "PATCH", "/restapis/<api>/resources/<pets>", "replace /pathPart animals", ""),
    ("CreateModel", "POST", "/restapis/<api>/models", MODEL, ""),
    ("GetModels", "GET", "/restapis/<api>/models", "", ""),
    ("GetModel", "GET", "/restapis/<api>/models/Pet", "", ""),
    ("UpdateModel", "PATCH", "/restapis/<api>/models/Pet", "replace /description pet", ""),
    ("GetModelTemplate", "GET", "/restapis/<api>/models/Pet/default_template", "", ""),
    ("CreateRequestValidator", "POST", "/restapis/<api>/requestvalidators", r#"{"name": "v"}"#, "validator=id"),
    ("GetRequestValidators", "GET", "/restapis/<api>/requestvalidators", "", ""),
    ("GetRequestValidator", "GET", "/restapis/<api>/requestvalidators/<validator>", "", ""),
    ("UpdateRequestValidator", "PATCH", "/restapis/<api>/requestvalidators/<validator>", "replace /name w", ""),
    ("CreateAuthorizer", "POST", "/restapis/<api>/authorizers", TOKENS, "authorizer=id"),
    ("GetAuthorizers", "GET", "/restapis/<api>/authorizers", "", ""),
    ("GetAuthorizer", "GET", "/restapis/<api>/authorizers/<authorizer>", "", ""),
    ("UpdateAuthorizer", "PATCH", "/restapis/<api>/authorizers/<authorizer>", "replace /name tokens", ""),
    ("TestInvokeAuthorizer", "POST", "/restapis/<api>/authorizers/<authorizer>", AUTHORIZED, ""),
    ("PutMethod", "PUT", METHOD, r#"{"authorizationType": "NONE", "apiKeyRequired": true}"#, ""),
    ("GetMethod", "GET", METHOD, "", ""),
    ("UpdateMethod", "PATCH", METHOD, "replace /operationName list", ""),
    ("PutMethodResponse", "PUT", concat_method!("/responses/200"), "{}", ""),
    ("GetMethodResponse", "GET", concat_method!("/responses/200"), "", ""),
    (
        "UpdateMethodResponse",
        "PATCH",
        concat_method!("/responses/200"),
        "add /responseModels/application~1json Pet",
        "",
    ),
    ("PutIntegration", "PUT", concat_method!("/integration"), MOCK, ""),
    ("GetIntegration", "GET", concat_method!("/integration"), "", ""),
    ("UpdateIntegration", "PATCH", concat_method!("/integration"), "replace /timeoutInMillis 1000", ""),
    ("PutIntegrationResponse", "PUT", concat_method!("/integration/responses/200"), "{}", ""),
    ("GetIntegrationResponse", "GET", concat_method!("/integration/responses/200"), "", ""),
    (
        "UpdateIntegrationResponse",
        "PATCH",
        concat_method!("/integration/responses/200"),
        "replace /selectionPattern 2..",
        "",
    ),
    ("TestInvokeMethod", "POST", METHOD, "{}", ""),
    ("GetGatewayResponses", "GET", "/restapis/<api>/gatewayresponses", "", ""),
    ("PutGatewayResponse", "PUT", "/restapis/<api>/gatewayresponses/THROTTLED", r#"{"statusCode": "420"}"#, ""),
    ("GetGatewayResponse", "GET", "/restapis/<api>/gatewayresponses/THROTTLED", "", ""),
    ("UpdateGatewayResponse", "PATCH", "/restapis/<api>/gatewayresponses/THROTTLED", "replace /statusCode 421", ""),
    ("CreateDeployment", "POST", "/restapis/<api>/deployments", r#"{"stageName": "prod"}"#, "deployment=id"),
    ("CreateDeployment", "POST", "/restapis/<api>/deployments", "{}", "other=id"),
    ("GetDeployments", "GET", "/restapis/<api>/deployments", "", ""),
    ("GetDeployment", "GET", "/restapis/<api>/deployments/<deployment>?embed=apisummary", "", ""),
    ("UpdateDeployment", "PATCH", "/restapis/<api>/deployments/<other>", "replace /description other", ""),
    ("CreateStage", "POST", "/restapis/<api>/stages", r#"{"stageName": "test", "deploymentId": "<other>"}"#, ""),
    ("GetStages", "GET", "/restapis/<api>/stages", "", ""),
    ("GetStage", "GET", "/restapis/<api>/stages/prod", "", ""),
    ("UpdateStage", "PATCH", "/restapis/<api>/stages/prod", "replace /variables/a b", ""),
    ("FlushStageCache", "DELETE", "/restapis/<api>/stages/prod/cache/data", "", ""),
    ("FlushStageAuthorizersCache", "DELETE", "/restapis/<api>/stages/prod/cache/authorizers", "", ""),
    ("CreateUsagePlan", "POST", "/usageplans", PLAN, "plan=id"),
    ("CreateUsagePlan", "POST", "/usageplans", r#"{"name": "second"}"#, "second=id"),
    ("GetUsagePlans", "GET", "/usageplans", "", ""),
    ("GetUsagePlan", "GET", "/usageplans/<plan>", "", ""),
    ("UpdateUsagePlan", "PATCH", "/usageplans/<plan>", "replace /quota/limit 7", ""),
    ("CreateApiKey", "POST", "/apikeys", r#"{"name": "alice", "enabled": true}"#, "key=id value=value"),
    ("GetApiKeys", "GET", "/apikeys?includeValues=true", "", ""),
    ("GetApiKeys", "GET", "/apikeys?name=al", "", ""),
    ("GetApiKey", "GET", "/apikeys/<key>?includeValue=true", "", ""),
    ("UpdateApiKey", "PATCH", "/apikeys/<key>", "replace /enabled false", ""),
    ("UpdateApiKey", "PATCH", "/apikeys/<key>", "replace /enabled true", ""),
    ("CreateUsagePlanKey", "POST", "/usageplans/<plan>/keys", r#"{"keyId": "<key>", "keyType": "API_KEY"}"#, ""),
    ("CreateUsagePlanKey", "POST", "/usageplans/<second>/keys", r#"{"keyId": "<key>", "keyType": "API_KEY"}"#, ""),
    ("UpdateUsagePlan", "PATCH", "/usageplans/<second>", "add /apiStages <api>:test", ""),
    ("GetUsagePlans", "GET", "/usageplans?keyId=<key>", "", ""),
    ("GetUsagePlanKeys", "GET", "/usageplans/<plan>/keys", "", ""),
    ("GetUsagePlanKeys", "GET", "/usageplans/<plan>/keys?name=al", "", ""),
    ("GetUsagePlanKey", "GET", "/usageplans/<plan>/keys/<key>", "", ""),
    ("UpdateUsage", "PATCH", "/usageplans/<plan>/keys/<key>/usage", "replace /remaining 5", ""),
    ("GetUsage", "GET", "/usageplans/<plan>/usage?startDate=2026-01-01&endDate=2026-01-31", "", ""),
    ("GetUsage", "GET", "/usageplans/<plan>/usage?keyId=<key>&startDate=2026-01-01&endDate=2026-01-31", "", ""),
    ("ImportApiKeys", "POST", "/apikeys?mode=import&format=csv", IMPORTED, ""),
    ("ImportApiKeys", "POST", "/apikeys?mode=import&format=csv", OVERWRITTEN, ""),
    ("explain", "GET", "/_keyplan/explain?restApiId=<api>&stage=prod&method=GET&path=/animals&keyId=<key>", "", ""),
    ("CreateToken", "POST", "/apikeys/<key>/tokens", r#"{"principalId": "alice"}"#, "token=id"),
    ("GetTokens", "GET", "/apikeys/<key>/tokens", "", ""),
    ("RotateToken", "POST", "/apikeys/<key>/tokens/<token>/rotate", "{}", "rotated=id"),
    ("DeleteToken", "DELETE", "/apikeys/<key>/tokens/<rotated>", "", ""),
    ("CreateSubject", "POST", "/apikeys/<key>/subjects", SUBJECT, "subject=id"),
    ("GetSubjects", "GET", "/apikeys/<key>/subjects", "", ""),
    ("DeleteSubject", "DELETE", "/apikeys/<key>/subjects/<subject>", "", ""),
    ("TagResource", "PUT", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F<api>", TAGS, ""),
    ("GetTags", "GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F<api>", "", ""),
    (
        "TagResource",
        "PUT",
        "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F<api>%2Fstages%2Fprod",
        TAGS,
        "",
    ),
    ("TagResource", "PUT", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2F<key>", TAGS, ""),
    ("GetTags", "GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2F<key>", "", ""),
    ("TagResource", "PUT", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fusageplans%2F<plan>", TAGS, ""),
    ("GetTags", "GET", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fusageplans%2F<plan>", "", ""),
    (
        "UntagResource",
        "DELETE",
        "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fusageplans%2F<plan>?tagKeys=a",
        "",
        "",
    ),
    ("DeleteUsagePlanKey", "DELETE", "/usageplans/<plan>/keys/<key>", "", ""),
    ("DeleteApiKey", "DELETE", "/apikeys/<key>", "", ""),
    ("DeleteStage", "DELETE", "/restapis/<api>/stages/test", "", ""),
    ("DeleteDeployment", "DELETE", "/restapis/<api>/deployments/<other>", "", ""),
    ("UpdateUsagePlan", "PATCH", "/usageplans/<plan>", "remove /apiStages <api>:prod", ""),
    ("DeleteUsagePlan", "DELETE", "/usageplans/<plan>", "", ""),
    ("DeleteUsagePlan", "DELETE", "/usageplans/<second>", "", ""),
    ("DeleteIntegrationResponse", "DELETE", concat_method!("/integration/responses/200"), "", ""),
    ("DeleteIntegration", "DELETE", concat_method!("/integration"), "", ""),
    ("DeleteMethodResponse", "DELETE", concat_method!("/responses/200"), "", ""),
    ("DeleteMethod", "DELETE", METHOD, "", ""),
    ("DeleteResource", "DELETE", "/restapis/<api>/resources/<pets>", "", ""),
    ("DeleteGatewayResponse", "DELETE", "/restapis/<api>/gatewayresponses/THROTTLED", "", ""),
    ("DeleteAuthorizer", "DELETE", "/restapis/<api>/authorizers/<authorizer>", "", ""),
    ("DeleteRequestValidator", "DELETE", "/restapis/<api>/requestvalidators/<validator>", "", ""),
    ("DeleteModel", "DELETE", "/restapis/<api>/models/Pet", "", ""),
    ("DeleteRestApi", "DELETE", "/restapis/<api>", "", ""),
];

const METHOD: &str = concat_method!("");
const MODEL: &str = r#"{"name": "Pet", "contentType": "application/json", "schema": "{}"}"#;
const TOKENS: &str = r#"{
    "name": "t", "type": "TOKEN", "authorizerUri": "<uri>", "identitySource": "method.request.header.Authorization"
}"#;
const AUTHORIZED: &str = r#"{"headers": {"Authorization": "kp_UnknownTokenNeverIssued0000000011QIFq8"}}"#;
const MOCK: &str = r#"{"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}}"#;
const PLAN: &str = r#"{
    "name": "first", "apiStages": [{"apiId": "<api>", "stage": "prod"}], "quota": {"limit": 9, "period": "DAY"}
}"#;
const IMPORTED: &str = "Name,key,description,enabled,usageplanIds\nbob,imported-key-value-0001,,true,<plan>\n";
const OVERWRITTEN: &str = "Name,key,enabled,usageplanIds\nbob,imported-key-value-0001,false,<second>\n";
const SUBJECT: &str = r#"{"issuer": "https://login.example.com/", "subject": "alice"}"#;
const TAGS: &str = r#"{"tags": {"a": "b"}}"#;

/// API Gateway's, and eight of Keyplan's own.
pub(crate) const ALL: usize = 83 + 8;

/// Carries all of them out; how many different ones there were.
pub(crate) fn carry_out(keyplan: &Keyplan) -> usize {
    let mut named = BTreeMap::from([("uri".to_owned(), lambda::uri_of_arn(keyplan.template.arn(AUTHORIZER)))]);
    for (operation, method, path, body, captures) in OPERATIONS {
        let filled = |text: &str| {
            named.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
        };
        let (path, body) = (filled(path), filled(body));
        let answer = match body.split_once(' ').map(|(op, rest)| (op, rest.split_once(' '))) {
            Some((op @ ("add" | "remove" | "replace"), Some((at, value)))) => {
                let patch = json!({"op": op, "path": at, "value": value});
                keyplan.made(method, &path, &json!({"patchOperations": [patch]}))
            }
            _ if body.starts_with("Name,") => imported(keyplan, &path, &body),
            _ => keyplan.made(method, &path, &serde_json::from_str(&body).unwrap_or_default()),
        };
        for (name, member) in captures.split_whitespace().filter_map(|capture| capture.split_once('=')) {
            let value = answer[member].as_str().unwrap_or_else(|| panic!("{operation}: no {member} in {answer}"));
            named.insert(name.to_owned(), value.to_owned());
        }
    }
    let names: std::collections::BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.0).collect();
    names.len()
}

/// ImportApiKeys, which succeeds without a warning.
pub(crate) fn imported(keyplan: &Keyplan, path: &str, file: &str) -> Value {
    let answer = keyplan.control("POST", path, "text/csv", file.as_bytes());
    assert_eq!((answer.status, &answer.body["warnings"]), (201, &json!([])), "{}", answer.body);
    answer.body
}
