use http::Request as HttpRequest;
use keyplan_authorizer::Authorizer;
use keyplan_store::clock::SystemClock;
use keyplan_store::connect::Connection;
use keyplan_store::{Store, Tables};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;

const ECHO: &str = "/2015-03-31/functions/echo/invocations";
const AUTHORIZER: &str = "/2015-03-31/functions/authorizer/invocations";

/// Functions whose tables nobody can reach.
fn lambda(forward: Option<Forward>) -> Router {
    let connection = connection("http://127.0.0.1:9".into());
    let store = Store::new(connection.dynamodb(), Tables::default());
    let authorizer = Arc::new(Authorizer::new(store, Arc::new(SystemClock)));
    router(Lambda {
        hosted: Hosted { authorizer },
        forward,
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
    })
}

fn connection(url: String) -> Connection {
    let credentials = aws_credential_types::Credentials::new("local", "local", None, None, "test");
    Connection::new("us-east-1", Some(url), credentials)
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

async fn send(router: Router, request: HttpRequest<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

async fn call(path: &str, headers: &[(&str, &str)], event: impl Into<Body>) -> Answer {
    let mut request = HttpRequest::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(lambda(None), request.body(event.into()).unwrap()).await
}

#[tokio::test]
async fn echo_answers_with_the_event_as_it_came() {
    let event = r#"{"b": 1.50,  "a": "é"}"#;
    let answer = call(ECHO, &[], event).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"statusCode": 200, "body": event}));
    assert_eq!(answer.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(answer.header("x-amz-function-error"), None);
}

#[tokio::test]
async fn an_invocation_without_a_payload_is_one_with_an_empty_object() {
    assert_eq!(call(ECHO, &[], "").await.json(), json!({"statusCode": 200, "body": "{}"}));
}

#[tokio::test]
async fn a_function_is_named_in_every_way_that_lambda_knows() {
    for name in [
        "echo",
        "echo:$LATEST",
        "000000000000:function:echo",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aecho",
        "arn:aws:lambda:eu-west-1:123456789012:function:echo:%24LATEST",
    ] {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        for path in [path.clone(), format!("{path}?Qualifier=%24LATEST")] {
            assert_eq!(call(&path, &[], "{}").await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn a_function_that_fails_is_told_by_a_header() {
    let event = json!({
        "type": "TOKEN",
        "authorizationToken": "nonsense",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:demotokens/prod/GET/hello",
    });
    let answer = call(AUTHORIZER, &[], event.to_string()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-amz-function-error"), Some("Unhandled"));
    assert_eq!(answer.json(), json!({"errorMessage": "Unauthorized", "errorType": "Unauthorized"}));
}

#[tokio::test]
async fn an_unknown_function_is_not_found_by_its_arn() {
    for (name, arn) in [
        ("nobody", "arn:aws:lambda:us-east-1:000000000000:function:nobody"),
        ("echo:live", "arn:aws:lambda:us-east-1:000000000000:function:echo:live"),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:nobody",
            "arn:aws:lambda:eu-west-1:123456789012:function:nobody",
        ),
    ] {
        let answer = call(&format!("/2015-03-31/functions/{name}/invocations"), &[], "{}").await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("x-amzn-errortype"), Some("ResourceNotFoundException"));
        assert_eq!(answer.json(), json!({"Type": "User", "Message": format!("Function not found: {arn}")}));
    }
}

#[tokio::test]
async fn events_are_accepted_and_dry_runs_run_nothing() {
    let accepted = call(ECHO, &[("x-amz-invocation-type", "Event")], "{}").await;
    assert_eq!((accepted.status, accepted.body.len()), (202, 0));
    let dry = call(AUTHORIZER, &[("x-amz-invocation-type", "DryRun")], "{}").await;
    assert_eq!((dry.status, dry.body.len()), (204, 0));
}

#[tokio::test]
async fn what_invoke_does_not_take_is_refused_in_lambdas_words() {
    let kind_of = |answer: Answer| (answer.status, answer.header("x-amzn-errortype").unwrap().to_owned());
    for (path, headers, event, status, kind) in [
        (ECHO, &[][..], "{", 400, "InvalidRequestContentException"),
        (ECHO, &[("x-amz-invocation-type", "Never")], "{}", 400, "ValidationException"),
        (ECHO, &[("x-amz-log-type", "Head")], "{}", 400, "ValidationException"),
        ("/2015-03-31/functions/a%20b/invocations", &[], "{}", 400, "ValidationException"),
        ("/2015-03-31/functions/echo:one/invocations?Qualifier=two", &[], "{}", 400, "InvalidParameterValueException"),
        ("/2015-03-31/functions/echo", &[], "{}", 404, "UnknownOperationException"),
    ] {
        assert_eq!(kind_of(call(path, headers, event).await), (status, kind.to_owned()), "{path} {event}");
    }
    let wrong_verb = HttpRequest::get(ECHO).body(Body::empty()).unwrap();
    assert_eq!(kind_of(send(lambda(None), wrong_verb).await), (404, "UnknownOperationException".into()));
}

#[tokio::test]
async fn an_event_may_have_six_megabytes_and_one_that_nobody_waits_for_one() {
    let of = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let asynchronous = &[("x-amz-invocation-type", "Event")][..];
    assert_eq!(call(AUTHORIZER, &[], of(MAX_EVENT_BYTES)).await.status, 200);
    for (headers, bytes) in [(&[][..], MAX_EVENT_BYTES + 1), (asynchronous, MAX_ASYNCHRONOUS_EVENT_BYTES + 1)] {
        let answer = call(ECHO, headers, of(bytes)).await;
        assert_eq!((answer.status, answer.header("x-amzn-errortype")), (413, Some("RequestTooLargeException")));
    }
    assert_eq!(call(ECHO, asynchronous, of(MAX_ASYNCHRONOUS_EVENT_BYTES)).await.status, 202);
}

#[tokio::test]
async fn an_answer_of_more_than_six_megabytes_is_a_failure_of_the_function() {
    let answer = call(ECHO, &[], format!("\"{}\"", "x".repeat(MAX_EVENT_BYTES - 2))).await;
    assert_eq!((answer.status, answer.header("x-amz-function-error")), (200, Some("Unhandled")));
    assert_eq!(answer.json()["errorType"], "Function.ResponseSizeTooLarge");
}

/// A second process's Invoke API, at an address of its own.
async fn elsewhere() -> Forward {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = connection(format!("http://{}", listener.local_addr().unwrap()));
    let there = Router::new().route(
        "/2015-03-31/functions/{function}/invocations",
        post(|Path(function): Path<String>, event: Bytes| async move {
            if function == "nobody" {
                return Refusal::FunctionNotFound { arn: "arn:there".into() }.into_response();
            }
            let headers = [("x-amz-function-error", "Handled"), ("x-amz-executed-version", "7")];
            (headers, [function.as_bytes(), b" got ", &event].concat()).into_response()
        }),
    );
    tokio::spawn(async move { axum::serve(listener, there).await });
    Forward::new(keyplan_gateway::lambda_client(&connection, connection.endpoint_url.as_deref()))
}

#[tokio::test]
async fn functions_that_are_not_here_are_invoked_elsewhere() {
    let forward = Some(elsewhere().await);
    let request = HttpRequest::post("/2015-03-31/functions/mine/invocations").body(Body::from("[1]")).unwrap();
    let answer = send(lambda(forward), request).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"mine got [1]"[..]));
    assert_eq!(answer.header("x-amz-function-error"), Some("Handled"));
    assert_eq!(answer.header("x-amz-executed-version"), Some("7"));
}

#[tokio::test]
async fn a_refusal_from_elsewhere_is_passed_on() {
    let forward = Some(elsewhere().await);
    let request = HttpRequest::post("/2015-03-31/functions/nobody/invocations").body(Body::from("{}")).unwrap();
    let answer = send(lambda(forward), request).await;
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (404, Some("ResourceNotFoundException")));
    assert_eq!(answer.json()["Message"], "Function not found: arn:there");
}
