//! TestInvokeMethod and TestInvokeAuthorizer: calls of an API as it stands.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use keyplan_domain::id::RestApiId;
use keyplan_gateway::{InspectError, Inspector, TestCall};
use keyplan_wire::error::ApiError;
use keyplan_wire::input;
use keyplan_wire::rest_api::{
    TestInvokeAuthorizerAnswer, TestInvokeAuthorizerInput, TestInvokeMethodAnswer, TestInvokeMethodInput,
};

use super::{METHOD, definition, missing};
use crate::Admin;
use crate::answer::{Outcome, ok};
use crate::extract::Segments;

pub(super) fn routes(inspector: &Inspector) -> Router<Admin> {
    let (methods, authorizers) = (inspector.clone(), inspector.clone());
    Router::new().route(METHOD, post(async move |admin, path, body| method(methods, admin, path, body).await)).route(
        "/restapis/{api}/authorizers/{authorizer}",
        post(async move |admin, path, body| authorizer(authorizers, admin, path, body).await),
    )
}

async fn method(
    inspector: Inspector,
    State(admin): State<Admin>,
    Segments((api, resource, verb)): Segments<(String, String, String)>,
    body: Bytes,
) -> Outcome {
    let input: TestInvokeMethodInput = input::from_json(&body)?;
    if input.client_certificate_id.is_some_and(|id| !id.is_empty()) {
        return Err(ApiError::unsupported_operation("clientCertificateId").into());
    }
    let call = TestCall {
        path_with_query_string: input.path_with_query_string,
        headers: headers(input.headers, input.multi_value_headers)?,
        body: input.body.unwrap_or_default().into(),
        stage_variables: input.stage_variables.unwrap_or_default(),
        additional_context: BTreeMap::new(),
    };
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    if !definition.resources.contains_key(&resource) {
        return Err(missing::resource().into());
    }
    let tested = inspector.test_method(definition.snapshot(), &resource, &verb, call).await.map_err(refused)?;
    ok(&TestInvokeMethodAnswer {
        status: tested.status,
        body: tested.body,
        headers: one_value_each(&tested.headers),
        multi_value_headers: all_values(&tested.headers),
        log: tested.log,
        latency: milliseconds(tested.latency),
    })
}

async fn authorizer(
    inspector: Inspector,
    State(admin): State<Admin>,
    Segments((api, authorizer)): Segments<(String, String)>,
    body: Bytes,
) -> Outcome {
    let input: TestInvokeAuthorizerInput = input::from_json(&body)?;
    let call = TestCall {
        path_with_query_string: input.path_with_query_string,
        headers: headers(input.headers, input.multi_value_headers)?,
        body: input.body.unwrap_or_default().into(),
        stage_variables: input.stage_variables.unwrap_or_default(),
        additional_context: input.additional_context.unwrap_or_default(),
    };
    let definition = definition(&admin, &RestApiId::new(api)).await?;
    let tested = inspector.test_authorizer(definition.snapshot(), &authorizer, call).await.map_err(refused)?;
    ok(&TestInvokeAuthorizerAnswer {
        client_status: tested.client_status,
        log: tested.log,
        latency: milliseconds(tested.latency),
        principal_id: tested.principal_id,
        policy: tested.policy,
    })
}

fn refused(error: InspectError) -> ApiError {
    match error {
        InspectError::NoMethod => missing::method(),
        InspectError::NoAuthorizer => missing::authorizer(),
        InspectError::Path => ApiError::bad_request("The path does not match the resource."),
        InspectError::Routes => ApiError::bad_request("The methods of the API cannot be told apart."),
    }
}

/// The headers of a call; what has several values has just those.
fn headers(
    single: Option<BTreeMap<String, String>>,
    multiple: Option<BTreeMap<String, Vec<String>>>,
) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in single.unwrap_or_default() {
        let (name, value) = header(&name, &value)?;
        headers.insert(name, value);
    }
    for (name, values) in multiple.unwrap_or_default() {
        for (place, value) in values.iter().enumerate() {
            let (name, value) = header(&name, value)?;
            if place == 0 {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
    }
    Ok(headers)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ApiError> {
    let name: Option<HeaderName> = name.parse().ok();
    let value = HeaderValue::from_bytes(value.as_bytes()).ok();
    name.zip(value).ok_or_else(|| ApiError::bad_request("Invalid header specified"))
}

fn all_values(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.keys().map(|name| (name.to_string(), headers.get_all(name).iter().map(text).collect())).collect()
}

fn one_value_each(headers: &HeaderMap) -> BTreeMap<String, String> {
    all_values(headers).into_iter().filter_map(|(name, values)| Some((name, values.into_iter().next_back()?))).collect()
}

fn milliseconds(latency: std::time::Duration) -> u64 {
    u64::try_from(latency.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_values_stands_for_the_single_one() {
        let single = BTreeMap::from([("A".to_owned(), "0".to_owned()), ("B".to_owned(), "1".to_owned())]);
        let multiple = BTreeMap::from([("a".to_owned(), vec!["1".to_owned(), "2".to_owned()])]);
        let headers = headers(Some(single), Some(multiple)).unwrap();
        assert_eq!(headers.get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(one_value_each(&headers), BTreeMap::from([("a".into(), "2".into()), ("b".into(), "1".into())]));
    }

    #[test]
    fn what_can_be_no_header_is_refused() {
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\ny"), ("a", "\0")] {
            let single = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(headers(Some(single), None).unwrap_err().status, 400, "{name:?}");
        }
    }
}
