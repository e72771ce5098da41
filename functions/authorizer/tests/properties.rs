//! The checks that are fuzzed, on generated input: events near enough to real
//! ones to be answered, and anything at all.

#[expect(clippy::expect_used, reason = "a check whose surroundings fail can only fail itself")]
mod checks;

use keyplan_domain::token::Token;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use checks::subject::Subject;

/// Whether a member is there, what it should be, or anything else.
fn member(should_be: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![8 => should_be.prop_map(Some), 1 => Just(None), 1 => json_value().prop_map(Some)].boxed()
}

fn json_value() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,50}".prop_map(Value::from),
        credential(),
    ];
    let nested = |inner: BoxedStrategy<Value>| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,12}", inner, 0..4).prop_map(|members| json!(members)),
        ]
        .boxed()
    };
    leaf.prop_recursive(3, 16, 4, move |inner| nested(inner.boxed())).boxed()
}

/// Of a valid token, an expired one, one that was never issued, and none.
fn credential() -> BoxedStrategy<Value> {
    let subject = Subject::shared();
    let never_issued = Token::from_entropy([3; 32]);
    let tokens = subject.valid.iter().chain([&subject.expired, &never_issued]).map(Token::expose);
    let mut credentials: Vec<String> = tokens.flat_map(|token| [format!("Bearer {token}"), token.to_owned()]).collect();
    credentials.extend(["", "Bearer", "kp_", "Basic abc"].map(str::to_owned));
    select(credentials).prop_map(Value::from).boxed()
}

fn arn() -> impl Strategy<Value = Value> {
    let stage = select(vec!["prod", "$default", "*", ""]);
    let method = prop_oneof![
        select(vec!["GET/pets/1", "DELETE/toys", "POST/pets/1", "GET/", "GET"]).prop_map(str::to_owned),
        "(GET|POST|\\*)/.{0,30}",
    ];
    (stage, method)
        .prop_map(|(stage, method)| json!(format!("arn:aws:execute-api:us-east-1:123456789012:abc/{stage}/{method}")))
}

fn event() -> impl Strategy<Value = Value> {
    let headers = (select(vec!["Authorization", "authorization", "x-token"]), credential())
        .prop_map(|(name, value)| json!({name: value, "accept": "*/*"}));
    let identity_source = prop_oneof![
        credential(),
        prop::collection::vec(credential(), 0..3).prop_map(Value::from),
        credential().prop_map(|one| json!([one, "GET /pets/{id}"])),
    ];
    let members = (
        member(select(vec![json!("TOKEN"), json!("REQUEST")])),
        member(select(vec![json!("1.0"), json!("2.0"), json!("2.0"), json!(null)])),
        (member(arn()), member(arn())),
        member(credential()),
        member(headers),
        member(identity_source),
        member(Just(json!("GET /pets/{id}"))),
        member(Just(json!({"httpMethod": "GET", "identity": {}, "http": {"method": "GET"}, "timeEpoch": 1}))),
    );
    members.prop_map(|(kind, version, (method_arn, route_arn), token, headers, identity_source, route_key, context)| {
        object([
            ("type", kind),
            ("version", version),
            ("methodArn", method_arn),
            ("routeArn", route_arn),
            ("authorizationToken", token),
            ("headers", headers),
            ("identitySource", identity_source),
            ("routeKey", route_key),
            ("requestContext", context),
            ("httpMethod", Some(json!("GET"))),
        ])
    })
}

/// Headers that name a key of the sample events, mostly.
fn jwt_header() -> impl Strategy<Value = Value> {
    let algorithm = select(vec!["ES256", "RS256", "PS512", "EdDSA", "Ed25519", "ES512", "none", "HS256"]);
    let kid = select(vec!["2026-es256", "2026-rs256", "2026-eddsa", "unknown"]);
    let members = (
        member(algorithm.prop_map(Value::from)),
        member(kid.prop_map(Value::from)),
        member(Just(json!("JWT"))),
        prop::option::weighted(0.05, json_value()),
    );
    members.prop_map(|(alg, kid, typ, crit)| object([("alg", alg), ("kid", kid), ("typ", typ), ("crit", crit)]))
}

/// Claims that are as their issuer's rules ask for, mostly.
fn jwt_claims() -> impl Strategy<Value = Value> {
    let members = (
        member(Just(json!("https://issuer.example"))),
        member(select(vec![json!("pets"), json!(["toys", "pets"]), json!("toys")])),
        member(Just(json!("demo-user"))),
        member(prop_oneof![Just(json!(4_102_444_800_i64)), any::<f64>().prop_map(|date| json!(date))]),
        prop::option::weighted(0.2, json_value()),
        member(Just(json!("all GET/pets"))),
    );
    members.prop_map(|(iss, aud, sub, exp, nbf, scope)| {
        object([("iss", iss), ("aud", aud), ("sub", sub), ("exp", exp), ("nbf", nbf), ("scope", scope)])
    })
}

/// Those members that are there.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_event_is_answered_for_a_valid_token_or_refused_without_repeating_it(event in event()) {
        checks::event::check(event.to_string().as_bytes());
    }

    #[test]
    fn whatever_is_json_is_answered_or_refused(value in json_value()) {
        checks::event::check(value.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_no_event(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        checks::event::check(&bytes);
    }

    #[test]
    fn no_signature_that_is_made_up_gets_anybody_in(
        header in jwt_header(), claims in jwt_claims(), signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        checks::jwt::check(header.to_string().as_bytes(), claims.to_string().as_bytes(), &signature);
        checks::jwt::check(header.to_string().as_bytes(), claims.to_string().as_bytes(), &[0; 64]);
    }

    #[test]
    fn any_bytes_are_no_jwt(parts in prop::array::uniform3(prop::collection::vec(any::<u8>(), 0..60))) {
        checks::jwt::check(&parts[0], &parts[1], &parts[2]);
    }

    #[test]
    fn any_header_is_a_token_or_refused_without_repeating_it(header in ".{0,60}") {
        checks::token::check(&header);
    }

    #[test]
    fn what_has_the_form_of_a_token_needs_the_checksum(header in "([Bb]earer )?kp_[0-9A-Za-z]{38}") {
        checks::token::check(&header);
    }

    #[test]
    fn every_token_is_taken_however_its_header_is_spelt(
        entropy in any::<[u8; 32]>(),
        scheme in "([Bb][Ee][Aa][Rr][Ee][Rr][ \t]{1,3})?",
        after in "[ \t]{0,2}",
    ) {
        let token = Token::from_entropy(entropy);
        let header = format!("{scheme}{}{after}", token.expose());
        prop_assert_eq!(keyplan_domain::token::bearer(&header), token.expose());
        checks::token::check(&header);
    }
}

/// The sample events are where a fuzzer begins.
#[test]
fn the_sample_events_pass_the_check() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/authorizer");
    let mut passed = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        checks::event::check(&std::fs::read(entry.unwrap().path()).unwrap());
        passed += 1;
    }
    assert!(passed > 20);
}
