//! What functions tell of themselves, read off their own binaries under a
//! Runtime API: lines of the log as Lambda's settings want them, metrics in
//! CloudWatch's embedded metric format, and the trace that calls are part of.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime};

use keyplan_tests::runtime_api::{self, tracing_header};
use keyplan_tests::{Call, Function, Lambda, RestApi, Stack, UsagePlan, samples, signing};
use serde_json::{Value, json};

const NAMESPACE: (&str, &str) = ("METRICS_NAMESPACE", "Keyplan/tested");

/// A function of the stack's tables, with more variables than it needs.
fn start(name: &str, stack: &Stack, lambda: &str, more: &[(&str, &str)]) -> Function {
    let environment = runtime_api::environment(&stack.dynamodb, lambda);
    Function::start(name, &[&environment[..], more].concat())
}

fn sample(function: &str, case: &str) -> Value {
    samples::named(function, case).event
}

/// A call that reaches the gateway through a REST API.
fn event(api: &RestApi<'_>, path: &str, headers: &[(&str, &str)]) -> Value {
    let mut event = sample("gateway", "rest-api-without-key");
    event["path"] = format!("/{}/prod{path}", api.id).into();
    event["headers"] = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    event["multiValueHeaders"] = Value::Null;
    event
}

/// The lines that are JSON.
fn lines(log: &str) -> Vec<Value> {
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What the metrics of a log come to, all lines together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    counts: BTreeMap<String, u64>,
    values: BTreeMap<String, Vec<u64>>,
}

impl Told {
    fn by(log: &str) -> Self {
        let mut told = Self::default();
        for line in lines(log).iter().filter(|line| line.get("_aws").is_some()) {
            let written = Duration::from_millis(line["_aws"]["Timestamp"].as_u64().unwrap());
            let now = signing::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            assert!(now.abs_diff(written) < Duration::from_secs(120), "{line}");
            let [directive] = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().as_slice() else {
                panic!("{line}")
            };
            assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!(NAMESPACE.1), &json!([[]])));
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                match line[name].as_array() {
                    Some(values) => {
                        let values = values.iter().map(|value| value.as_u64().unwrap());
                        told.values.entry(name.to_owned()).or_default().extend(values);
                    }
                    None => *told.counts.entry(name.to_owned()).or_default() += line[name].as_u64().unwrap(),
                }
            }
        }
        told
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }
}

/// An API of a method that requires a key and of one that a failing function
/// answers.
fn api<'s>(stack: &'s Stack) -> RestApi<'s> {
    let mut api = RestApi::create(stack, json!({}));
    api.mock("GET", "/hello", json!({"apiKeyRequired": true}), "{}");
    api.function("GET", "/fails", json!({}), "fails");
    api.deploy("prod", &json!({}));
    api
}

#[test]
fn the_gateway_tells_what_it_admitted_and_refused() {
    let stack = Stack::start();
    let api = api(&stack);
    let plan = |name, settings| UsagePlan::create(&stack, name, &[(&api.id, "prod")], settings);
    let five = plan("five", json!({"quota": {"limit": 5, "period": "MONTH"}})).key("of five");
    let one = plan("one", json!({"throttle": {"rateLimit": 0.001, "burstLimit": 1}})).key("of one");
    let gateway = start("gateway", &stack, &stack.control, &[NAMESPACE]);
    let status = |key: Option<&str>| {
        let headers: Vec<_> = key.into_iter().map(|key| ("x-api-key", key)).collect();
        gateway.invoke(&event(&api, "/hello", &headers)).unwrap()["statusCode"].as_u64().unwrap()
    };
    assert_eq!(status(None), 403);
    let first = Told::by(&gateway.logged());
    assert_eq!((first.count("RefusedInvalidApiKey"), first.count("AdmittedRequests")), (1, 0), "{first:?}");
    let of_five: Vec<_> = (0..7).map(|_| status(Some(&five.value))).collect();
    assert_eq!(of_five, [200, 200, 200, 200, 200, 429, 429]);
    assert_eq!([status(Some(&one.value)), status(Some(&one.value))], [200, 429]);

    let (ended, log) = gateway.told_to_end();
    assert!(ended.success(), "{ended}");
    let Told { mut counts, values } = Told::by(&log);
    // Five of the quota at least; a wrong guess about a throttle is one more.
    assert!(counts.remove("MeterWrites").unwrap() >= 6, "{log}");
    assert!(
        counts.remove("ConfigurationCacheHits").unwrap() > 0 && counts.remove("ConfigurationCacheMisses").unwrap() > 0
    );
    let expected = [
        ("AdmittedRequests", 6),
        ("QuotasAt80Percent", 1),
        ("QuotasSpent", 1),
        ("RefusedInvalidApiKey", 1),
        ("RefusedQuotaExceeded", 2),
        ("RefusedThrottled", 1),
    ];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(values, BTreeMap::from([("LeaseSize".to_owned(), vec![1; 6])]));
    for secret in [&five.value, &one.value] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
}

#[test]
fn a_process_that_is_busy_tells_once_in_a_while() {
    let stack = Stack::start();
    let api = api(&stack);
    let gateway = start("gateway", &stack, &stack.control, &[NAMESPACE]);
    for _ in 0..200 {
        gateway.invoke(&event(&api, "/hello", &[])).unwrap();
    }
    let documents = |log: &str| log.matches("\"_aws\"").count();
    // One at once, and one each 10 s for as long as this took.
    assert!((1..=12).contains(&documents(&gateway.logged())), "{}", gateway.logged());
    let (_, log) = gateway.told_to_end();
    assert_eq!(Told::by(&log).count("RefusedInvalidApiKey"), 200);
}

#[test]
fn the_authorizer_tells_what_it_allowed_and_refused() {
    let stack = Stack::with(&["--demo"]);
    let samples = samples::of("authorizer");
    let issuers = samples.iter().find_map(|sample| sample.environment.get("JWT_ISSUERS")).unwrap();
    let authorizer = start("authorizer", &stack, &stack.control, &[NAMESPACE, ("JWT_ISSUERS", issuers)]);
    let denied = "http-api-2-jwt-without-the-scope";
    for case in ["token-bearer", "token-bearer", "token-bare", "token-unknown", "token-empty", denied] {
        let _ = authorizer.invoke(&sample("authorizer", case));
    }
    let (ended, log) = authorizer.told_to_end();
    assert!(ended.success(), "{ended}");
    let expected = [
        ("AuthorizerAllowed", 3),
        ("AuthorizerDenied", 1),
        ("AuthorizerUnauthorized", 2),
        ("TokenCacheHits", 2),
        ("TokenCacheMisses", 3),
    ];
    assert_eq!(Told::by(&log).counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert!(!log.contains("kp_") && !log.contains("demo-key-value"), "{log}");
}

#[test]
fn no_metric_is_told_without_a_namespace_nor_by_the_local_stack() {
    let stack = Stack::with_variables(&[NAMESPACE], &[]);
    let api = api(&stack);
    assert_eq!(api.get("/hello").send().status, 403);
    assert_eq!(stack.next_line(Duration::from_millis(200)), None);
    let gateway = start("gateway", &stack, &stack.control, &[]);
    gateway.invoke(&event(&api, "/hello", &[])).unwrap();
    assert!(!gateway.told_to_end().1.contains("_aws"));
}

#[test]
fn a_level_leaves_out_lines_and_no_metric() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let api = api(&stack);
    let gateway = start("gateway", &stack, &lambda.url, &[NAMESPACE, ("AWS_LAMBDA_LOG_LEVEL", "ERROR")]);
    assert_eq!(gateway.invoke(&event(&api, "/hello", &[])).unwrap()["statusCode"], 403);
    assert_eq!(gateway.invoke(&event(&api, "/fails", &[])).unwrap()["statusCode"], 502);
    let (_, log) = gateway.told_to_end();
    let (documents, told): (Vec<_>, Vec<_>) = lines(&log).into_iter().partition(|line| line.get("_aws").is_some());
    assert!(!told.is_empty(), "{log}");
    for line in &told {
        assert_eq!((&line["level"], &line["requestId"]), (&json!("ERROR"), &json!(REQUEST_2)), "{line}");
    }
    // What Lambda drops by level it knows by this and a time.
    for document in &documents {
        assert!(document["level"] == "FATAL" && document["timestamp"].is_string(), "{document}");
    }
    let counted = Told::by(&log);
    for name in ["RefusedInvalidApiKey", "RefusedIntegrationFailure", "GatewayFailures"] {
        assert_eq!(counted.count(name), 1, "{name}: {log}");
    }
}

const REQUEST_2: &str = "00000000-0000-4000-8000-000000000002";

#[test]
fn every_function_logs_in_lambdas_format_with_lambdas_request_id() {
    let stack = Stack::start();
    for name in ["authorizer", "gateway", "admin-apis", "admin-keys", "admin-plans"] {
        let invoked = |format: &str| {
            let function = start(name, &stack, &stack.control, &[("AWS_LAMBDA_LOG_FORMAT", format)]);
            let case = match name {
                "authorizer" => "token-unknown",
                "gateway" => "rest-api-without-key",
                _ => samples::of(name).into_iter().map(|sample| sample.case).next().unwrap().leak(),
            };
            let _ = function.invoke(&sample(name, case));
            let _ = function.invoke(&sample(name, case));
            function.told_to_end().1
        };
        let log = invoked("JSON");
        let told = lines(&log);
        assert_eq!(told.len(), log.lines().count(), "{name}:\n{log}");
        let second =
            told.iter().find(|line| line["requestId"] == REQUEST_2).unwrap_or_else(|| panic!("{name}:\n{log}"));
        let own = ["timestamp", "level", "message"].map(|member| second[member].is_string());
        assert_eq!(own, [true; 3], "{second}");
        let text = invoked("Text");
        assert!(lines(&text).is_empty() && text.contains(REQUEST_2) && !text.contains('\u{1b}'), "{name}:\n{text}");
    }
}

#[test]
fn rust_log_refines_the_level_and_what_is_malformed_is_named() {
    let stack = Stack::start();
    let invoked = |more: &[(&str, &str)]| {
        let gateway = start("gateway", &stack, &stack.control, more);
        let _ = gateway.invoke(&sample("gateway", "rest-api-without-key"));
        gateway.told_to_end().1
    };
    assert!(invoked(&[("RUST_LOG", "warn,keyplan_gateway=info")]).contains("\"refused\""));
    assert!(!invoked(&[("RUST_LOG", "warn")]).contains("\"refused\""));
    for (name, value) in [("AWS_LAMBDA_LOG_LEVEL", "LOUD"), ("AWS_LAMBDA_LOG_FORMAT", "XML")] {
        let log = invoked(&[(name, value)]);
        let warning = lines(&log).into_iter().find(|line| line["level"] == "WARN").unwrap();
        assert_eq!((&warning["name"], &warning["value"]), (&json!(name), &json!(value)));
        assert!(log.contains("\"refused\""), "{log}");
    }
    for (name, value) in [("RUST_LOG", "keyplan=loud"), ("METRICS_NAMESPACE", "AWS/Lambda")] {
        let (ended, log) = start("gateway", &stack, &stack.control, &[(name, value)]).ended();
        assert!(!ended.success() && log.contains(&format!("{name} must be")), "{name}: {log}");
    }
}

/// Events that come together keep their ids and traces apart, though no variable of
/// the environment can tell them.
#[test]
fn calls_at_once_are_logged_and_traced_each_by_its_own_invocation() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let mut api = api(&stack);
    let guard = api.authorizer("allow", "allow", json!({"authorizerResultTtlInSeconds": 0}));
    api.function("GET", "/guarded", json!({"authorizerId": guard}), "fails");
    api.deploy("prod", &json!({}));
    let gateway = start("gateway", &stack, &lambda.url, &[NAMESPACE, ("AWS_LAMBDA_MAX_CONCURRENCY", "4")]);
    std::thread::scope(|scope| {
        for call in 0..16 {
            let mut event = event(&api, "/guarded", &[("authorization", "token")]);
            event["requestContext"]["requestId"] = format!("call-{call}").into();
            let gateway = &gateway;
            scope.spawn(move || {
                let answer = gateway.invoke(&event).unwrap();
                assert_eq!(answer["statusCode"], 502, "{answer}");
                let id = answer["headers"]["x-amzn-requestid"].as_str();
                let id = id.or_else(|| answer["multiValueHeaders"]["x-amzn-requestid"][0].as_str());
                assert_eq!(id, event["requestContext"]["requestId"].as_str(), "{answer}");
            });
        }
    });
    let log = gateway.told_to_end().1;
    let refused: BTreeMap<String, String> = lines(&log)
        .iter()
        .filter(|line| line["message"] == "refused")
        .map(|line| {
            let text = |member: &str| line[member].as_str().unwrap_or_else(|| panic!("{member}: {line}")).to_owned();
            (text("x_amzn_request_id"), text("requestId"))
        })
        .collect();
    assert_eq!(refused.len(), 16, "{log}");
    assert_eq!(refused.values().collect::<BTreeSet<_>>().len(), 16, "{log}");
    let calls = lambda.events("fails").into_iter().zip(lambda.tracing_headers("fails"));
    for (event, header) in calls {
        let request_id = &refused[event["requestContext"]["requestId"].as_str().unwrap()];
        let invocation = request_id.rsplit('-').next().unwrap().parse().unwrap();
        assert_eq!(header, tracing_header(invocation));
        assert_eq!(event["headers"]["X-Amzn-Trace-Id"], header);
    }
    let told = Told::by(&log);
    assert_eq!((told.count("AdmittedRequests"), told.count("GatewayFailures")), (16, 16), "{told:?}");
    assert_eq!(told.values["AuthorizerLatency"].len(), 16);
    let of_authorizers: BTreeSet<_> = lambda.tracing_headers("allow").into_iter().collect();
    assert_eq!(of_authorizers, (1..=16).map(tracing_header).collect());
}

/// A backend that sends the head of a request that it got, a line each.
fn backend() -> (SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    (address, heads)
}

#[test]
fn a_callers_trace_is_passed_on_to_functions_and_to_backends() {
    let lambda = Lambda::start();
    let stack = Stack::over(&lambda);
    let (address, heads) = backend();
    let mut api = RestApi::create(&stack, json!({}));
    api.function("GET", "/function", json!({}), "good");
    let http = json!({"type": "HTTP_PROXY", "httpMethod": "GET", "uri": format!("http://{address}/")});
    api.method("GET", "/backend", json!({}), &http);
    api.deploy("prod", &json!({}));
    let private = ("ALLOWED_PRIVATE_CIDRS", "127.0.0.0/8");
    let gateway = start("gateway", &stack, &lambda.url, &[private]);
    let call = |path: &str, sent: &str| {
        let answer = gateway.invoke(&event(&api, path, &[("X-Amzn-Trace-Id", sent)])).unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
    };
    let backends = || {
        let head = heads.recv_timeout(Duration::from_secs(30)).unwrap();
        let headers = head.into_iter().filter(|line| line.to_ascii_lowercase().starts_with("x-amzn-trace-id:"));
        headers.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let others = "Root=1-67891233-abcdef012345678912345678;Sampled=1";
    let same = |invocation| tracing_header(invocation).split(';').next().unwrap().to_owned();

    call("/function", others);
    assert_eq!(lambda.last_event("good")["headers"]["X-Amzn-Trace-Id"], others);
    assert_eq!(lambda.tracing_headers("good"), [tracing_header(1)]);
    call("/backend", others);
    assert_eq!(backends(), [others]);
    // Of the trace of its own invocation the gateway knows more than its caller.
    call("/function", &same(3));
    assert_eq!(lambda.last_event("good")["multiValueHeaders"]["X-Amzn-Trace-Id"], json!([tracing_header(3)]));
    call("/backend", &same(4));
    assert_eq!(backends(), [tracing_header(4)]);

    // Without an invocation there is the caller's alone, as in the local stack.
    assert_eq!(api.get("/function").header("x-amzn-trace-id", others).send().status, 200);
    assert_eq!(lambda.tracing_headers("good").last().map(String::as_str), Some(others));
    assert_eq!(Call::get(api.url("prod", "/function")).send().status, 200);
    assert_eq!(lambda.tracing_headers("good").last().map(String::as_str), Some(""));
}
