//! What a token costs in operations of DynamoDB, exactly.

#![expect(clippy::expect_used, reason = "what a test cannot do without fails it")]

use std::collections::BTreeMap;

use keyplan_tests::samples::{self, Sample};
use keyplan_tests::{DynamodbProxy, Function, Stack};

/// The authorizer's own binary over the demo's tables, and the samples that it
/// is asked with.
struct Asked {
    proxy: DynamodbProxy,
    function: Function,
    samples: Vec<Sample>,
    _stack: Stack,
}

impl Asked {
    fn start() -> Self {
        let stack = Stack::with(&["--demo"]);
        let proxy = DynamodbProxy::before(&stack.dynamodb);
        let samples = samples::of("authorizer");
        let sample = samples.iter().find(|sample| sample.case == "jwt-es256");
        let issuers =
            sample.and_then(|sample| sample.environment.get("JWT_ISSUERS")).expect("an issuer of the samples");
        let environment = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &proxy.url),
            ("CONFIG_TABLE", "keyplan-config"),
            ("TOKEN_CACHE_TTL_SECONDS", "3600"),
            ("JWT_ISSUERS", issuers),
        ];
        let asked = Self { function: Function::start("authorizer", &environment), proxy, samples, _stack: stack };
        // Its start opens the connection, and is over when this is answered.
        asked.ask("token-empty");
        assert_eq!(asked.proxy.asked(), operations(&[("GetItem config TOKEN/NOTHING", 1)]));
        asked
    }

    /// What a sample costs, which is answered as it should be.
    fn cost(&self, case: &str) -> BTreeMap<String, u64> {
        self.proxy.forget();
        self.ask(case);
        self.proxy.asked()
    }

    fn ask(&self, case: &str) {
        let sample = self.samples.iter().find(|sample| sample.case == case).unwrap_or_else(|| panic!("no {case}"));
        let (Ok(answer) | Err(answer)) = self.function.invoke(&sample.event);
        assert_eq!(samples::difference(&sample.expected, &answer), None, "{case}");
    }
}

fn operations(expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    expected.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect()
}

#[test]
fn a_token_costs_one_read_and_then_none() {
    let asked = Asked::start();
    // Its first use in an hour is written down.
    let first = operations(&[("GetItem config TOKEN", 1), ("UpdateItem config TOKEN", 1)]);
    assert_eq!(asked.cost("token-bearer"), first);
    for again in ["token-bearer", "token-bare", "request", "http-api-2-simple"] {
        assert_eq!(asked.cost(again), BTreeMap::new(), "{again}");
    }
    assert_eq!(asked.cost("token-unknown"), operations(&[("GetItem config TOKEN", 1)]));
    assert_eq!(asked.cost("token-unknown"), BTreeMap::new());
}

#[test]
fn a_jwt_costs_one_read_for_its_subject_and_then_none() {
    let asked = Asked::start();
    assert_eq!(asked.cost("jwt-es256"), operations(&[("GetItem config SUBJECT", 1)]));
    for again in ["jwt-es256", "jwt-rs256", "jwt-scopes", "http-api-2-jwt"] {
        assert_eq!(asked.cost(again), BTreeMap::new(), "{again}");
    }
    assert_eq!(asked.cost("jwt-of-a-subject-without-a-key"), operations(&[("GetItem config SUBJECT", 1)]));
    assert_eq!(asked.cost("jwt-of-a-subject-without-a-key"), BTreeMap::new());
}

#[test]
fn what_is_refused_by_itself_costs_nothing() {
    let asked = Asked::start();
    let cases: Vec<_> = asked.samples.iter().map(|sample| sample.case.clone()).collect();
    let of_itself =
        ["jwt-expired", "jwt-forged", "jwt-unsigned", "jwt-malformed", "malformed-", "token-wrong-", "token-empty"];
    let mut tried = 0;
    for case in cases.iter().filter(|case| of_itself.iter().any(|kind| case.starts_with(kind))) {
        assert_eq!(asked.cost(case), BTreeMap::new(), "{case}");
        tried += 1;
    }
    assert!(tried >= of_itself.len(), "{tried}");
}
