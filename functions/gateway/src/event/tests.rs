use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;
type Response = http::Response<bytes::Bytes>;

macro_rules! sample {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../../events/gateway/", $name, ".json"))).unwrap()
    };
}

fn refusal(event: Value) -> EventError {
    decode(event).map(|_| ()).unwrap_err()
}

#[test]
fn the_same_request_is_read_from_the_event_of_every_front() {
    for (event, form, id) in [
        (sample!("rest-api-without-key"), AnswerForm::RestApi, Some("5f0d7a34-2c1e-4b7a-9a59-0f4c3a1b2d6e")),
        (sample!("http-api-without-key"), AnswerForm::HttpApi, Some("UfDaEgk3IAMEPQw=")),
        (sample!("function-url-without-key"), AnswerForm::HttpApi, Some("0d9c8b7a-6f5e-4d3c-2b1a-0918273645f5")),
        (sample!("alb-without-key"), AnswerForm::Alb, None),
    ] {
        let (request, read) = decode(event).unwrap();
        assert_eq!(read, form);
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/demoheader/prod/hello"));
        assert_eq!((request.query.as_str(), request.body.len()), ("", 0));
        assert_eq!(request.source_ip, "203.0.113.17");
        assert_eq!(request.user_agent(), Some("curl/8.5.0"));
        assert_eq!(request.request_id.as_deref(), id);
        assert_eq!(request.protocol, "HTTP/1.1");
    }
}

#[test]
fn the_fronts_own_host_names_no_api_of_ours() {
    for event in [sample!("rest-api-without-key"), sample!("http-api-without-key")] {
        assert_eq!(decode(event).unwrap().0.host, None);
    }
    let mut event = sample!("rest-api-without-key");
    event["multiValueHeaders"]["Host"] = json!(["demoheader.execute-api.us-east-1.amazonaws.com"]);
    assert_eq!(decode(event).unwrap().0.host.as_deref(), Some("demoheader.execute-api.us-east-1.amazonaws.com"));
}

#[test]
fn a_load_balancers_lists_and_encoded_query_are_taken_as_they_are() {
    let (request, form) = decode(sample!("alb-multi-value-unknown-route")).unwrap();
    assert_eq!(form, AnswerForm::AlbMultiValue);
    assert_eq!(request.query, "colour=red&colour=dark%20blue");
    assert_eq!(request.source_ip, "203.0.113.17");
    assert_eq!(request.body.as_ref(), br#"{"a":1}"#);
    assert_eq!(request.header("x-api-key"), Some("demo-key-value-for-local-use-only-0001"));
}

#[test]
fn a_function_urls_cookies_and_encoded_body_are_put_back() {
    let (request, _) = decode(sample!("function-url-unknown-stage")).unwrap();
    assert_eq!(request.headers[COOKIE], "session=1f2e3d; theme=dark");
    assert_eq!(request.body.as_ref(), br#"{"a":1}"#);
    assert_eq!(request.query, "colour=red&colour=dark%20blue");
}

#[test]
fn a_rest_apis_decoded_query_is_encoded_again() {
    let mut event = sample!("rest-api-without-key");
    event["queryStringParameters"] = json!({"b": "2", "a&": "x=y z"});
    event["multiValueQueryStringParameters"] = json!({"b": ["1", "2"], "a&": ["x=y z"]});
    assert_eq!(decode(event).unwrap().0.query, "a%26=x%3Dy%20z&b=1&b=2");
}

#[test]
fn an_http_apis_stage_is_no_part_of_the_path() {
    let path = |stage: &str, raw: &str| {
        let mut event = sample!("http-api-without-key");
        event["requestContext"]["stage"] = json!(stage);
        event["rawPath"] = json!(raw);
        decode(event).unwrap().0.path
    };
    assert_eq!(path("live", "/live/demoheader/prod/hello"), "/demoheader/prod/hello");
    assert_eq!(path("live", "/lively/x"), "/lively/x");
    assert_eq!(path("$default", "/$default/x"), "/$default/x");
    assert_eq!(path("$default", "/caf\u{e9} au lait"), "/caf%C3%A9%20au%20lait");
    assert_eq!(path("$default", "/100%"), "/100%25");
}

#[test]
fn what_is_no_event_of_a_front_is_told_so() {
    for event in [json!({}), json!(null), json!([]), json!({"requestContext": {}}), sample!("no-http-event")] {
        assert_eq!(refusal(event), EventError::Unknown);
    }
}

#[test]
fn a_malformed_event_names_its_front_and_repeats_nothing() {
    for (mut event, change, front) in [
        (sample!("rest-api-without-key"), ("path", json!(null)), "a REST API"),
        (sample!("rest-api-without-key"), ("multiValueHeaders", json!({"x": ["a\nb"]})), "a REST API"),
        (sample!("rest-api-without-key"), ("httpMethod", json!(7)), "a REST API"),
        (sample!("http-api-without-key"), ("rawPath", json!("no slash")), "an HTTP API"),
        (sample!("function-url-without-key"), ("headers", json!([])), "a function URL"),
        (sample!("alb-without-key"), ("path", json!("")), "a load balancer"),
    ] {
        event[change.0] = change.1;
        assert_eq!(refusal(event), EventError::Malformed { front });
    }
    let mut event = sample!("function-url-unknown-stage");
    event["body"] = json!("%");
    assert_eq!(refusal(event), EventError::Body);
}

fn response(body: &'static [u8]) -> Response {
    let mut response = Response::new(bytes::Bytes::from_static(body));
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    headers.append("x-many", HeaderValue::from_static("a"));
    headers.append("x-many", HeaderValue::from_static("b"));
    headers.append(SET_COOKIE, HeaderValue::from_static("c=1"));
    *response.headers_mut() = headers;
    response
}

#[test]
fn a_rest_api_gets_lists_where_there_are_several_values() {
    assert_eq!(
        encode(response(b"slow"), AnswerForm::RestApi),
        json!({
            "statusCode": 429,
            "headers": {"content-type": "text/plain", "set-cookie": "c=1"},
            "multiValueHeaders": {"x-many": ["a", "b"]},
            "body": "slow",
            "isBase64Encoded": false,
        })
    );
}

#[test]
fn an_http_api_gets_cookies_by_themselves() {
    assert_eq!(
        encode(response(b"slow"), AnswerForm::HttpApi),
        json!({
            "statusCode": 429,
            "headers": {"content-type": "text/plain", "x-many": "a,b"},
            "cookies": ["c=1"],
            "body": "slow",
            "isBase64Encoded": false,
        })
    );
}

#[test]
fn a_load_balancer_gets_lists_only_if_it_sent_lists() {
    assert_eq!(
        encode(response(b"slow"), AnswerForm::Alb),
        json!({
            "statusCode": 429,
            "statusDescription": "429 Too Many Requests",
            "headers": {"content-type": "text/plain", "set-cookie": "c=1", "x-many": "a,b"},
            "body": "slow",
            "isBase64Encoded": false,
        })
    );
    let lists = encode(response(b"slow"), AnswerForm::AlbMultiValue);
    assert_eq!(
        lists["multiValueHeaders"],
        json!({"content-type": ["text/plain"], "set-cookie": ["c=1"], "x-many": ["a", "b"]})
    );
    assert!(lists.get("headers").is_none());
}

#[test]
fn a_load_balancer_of_single_values_gets_every_cookie() {
    let mut response = response(b"");
    for cookie in ["d=2", "e=3"] {
        response.headers_mut().append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    let headers = encode(response, AnswerForm::Alb)["headers"].clone();
    assert_eq!(
        headers,
        json!({
            "content-type": "text/plain", "x-many": "a,b",
            "set-cookie": "c=1", "Set-cookie": "d=2", "sEt-cookie": "e=3",
        })
    );
}

#[test]
fn a_body_that_is_not_text_goes_as_base64() {
    let answer = encode(response(&[0, 159, 146, 150]), AnswerForm::HttpApi);
    assert_eq!((answer["body"].as_str(), answer["isBase64Encoded"].as_bool()), (Some("AJ+Slg=="), Some(true)));
}
