use proptest::prelude::*;
use serde_json::{Value, json};

use super::Verdict::{Allow, ExplicitDeny, ImplicitDeny};
use super::*;

const GET_PETS: &str = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/pets";

fn policy(statement: Value) -> PolicyDocument {
    PolicyDocument::parse(&json!({"Version": "2012-10-17", "Statement": statement})).unwrap()
}

fn refusal(document: Value) -> String {
    PolicyDocument::parse(&document).unwrap_err().to_string()
}

fn of_statement(statement: Value) -> String {
    refusal(json!({"Version": "2012-10-17", "Statement": [statement]}))
}

fn allow_all() -> Value {
    json!({"Effect": "Allow", "Action": "*", "Resource": "*"})
}

#[test]
fn our_own_policy_has_the_shape_of_the_guide() {
    let policy = PolicyDocument::allow(["arn:aws:execute-api:region:acct:api/stage/VERB/path"]).unwrap();
    assert_eq!(
        serde_json::to_string(&policy).unwrap(),
        r#"{"Version":"2012-10-17","Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:region:acct:api/stage/VERB/path"}]}"#
    );
}

#[test]
fn each_resource_of_our_own_policy_is_a_statement() {
    let policy = PolicyDocument::allow(["a/*", "b/*"]).unwrap().and_deny(["b/c"]).unwrap();
    assert_eq!(
        serde_json::to_value(&policy).unwrap(),
        json!({"Version": "2012-10-17", "Statement": [
            {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "a/*"},
            {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "b/*"},
            {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": "b/c"},
        ]})
    );
    assert_eq!(policy.evaluate(INVOKE, "a/x"), Allow);
    assert_eq!(policy.evaluate(INVOKE, "b/x"), Allow);
    assert_eq!(policy.evaluate(INVOKE, "b/c"), ExplicitDeny);
    assert_eq!(policy.evaluate(INVOKE, "c/x"), ImplicitDeny);
}

#[test]
fn our_own_policy_must_name_resources_of_bounded_length() {
    let none: [&str; 0] = [];
    assert!(matches!(PolicyDocument::allow(none), Err(InvalidPolicy::Empty { member: "Resource" })));
    assert!(matches!(PolicyDocument::deny(["x".repeat(513)]), Err(InvalidPolicy::ResourceTooLong { length: 513 })));
}

#[test]
fn a_policy_for_the_whole_stage_allows_each_of_its_methods() {
    let policy = PolicyDocument::allow(["arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/*/*"]).unwrap();
    assert_eq!(policy.evaluate(INVOKE, GET_PETS), Allow);
    let root = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/DELETE/";
    assert_eq!(policy.evaluate(INVOKE, root), Allow);
    let elsewhere = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/prod/GET/pets";
    assert_eq!(policy.evaluate(INVOKE, elsewhere), ImplicitDeny);
}

#[test]
fn an_explicit_deny_wins_wherever_it_stands() {
    let deny = json!({"Effect": "Deny", "Action": INVOKE, "Resource": GET_PETS});
    assert_eq!(policy(json!([deny, allow_all()])).evaluate(INVOKE, GET_PETS), ExplicitDeny);
    assert_eq!(policy(json!([allow_all(), deny])).evaluate(INVOKE, GET_PETS), ExplicitDeny);
}

#[test]
fn a_policy_without_statements_denies() {
    assert_eq!(policy(json!([])).evaluate(INVOKE, GET_PETS), ImplicitDeny);
}

#[test]
fn one_statement_needs_no_list() {
    assert_eq!(policy(allow_all()).evaluate(INVOKE, GET_PETS), Allow);
}

#[test]
fn actions_compare_without_case_and_resources_with_it() {
    let policy = policy(json!({"Effect": "Allow", "Action": "EXECUTE-API:invoke", "Resource": GET_PETS}));
    assert_eq!(policy.evaluate(INVOKE, GET_PETS), Allow);
    assert_eq!(policy.evaluate(INVOKE, &GET_PETS.replace("pets", "Pets")), ImplicitDeny);
}

#[test]
fn an_action_of_another_service_allows_nothing() {
    for action in ["execute-api:ManageConnections", "apigateway:*", "execute-api", "Invoke", ""] {
        let policy = policy(json!({"Effect": "Allow", "Action": action, "Resource": "*"}));
        assert_eq!(policy.evaluate(INVOKE, GET_PETS), ImplicitDeny, "{action}");
    }
    for action in ["*", "execute-api:*", "execute-api:Inv?ke", "*:Invoke"] {
        let policy = policy(json!({"Effect": "Allow", "Action": ["s3:Get*", action], "Resource": "*"}));
        assert_eq!(policy.evaluate(INVOKE, GET_PETS), Allow, "{action}");
    }
}

#[test]
fn not_action_and_not_resource_cover_all_the_rest() {
    let others = policy(json!({"Effect": "Allow", "NotAction": "s3:*", "NotResource": ["*/admin", "*/admin/*"]}));
    assert_eq!(others.evaluate(INVOKE, "api/GET/pets"), Allow);
    assert_eq!(others.evaluate(INVOKE, "api/GET/admin/users"), ImplicitDeny);
    assert_eq!(others.evaluate("s3:GetObject", "api/GET/pets"), ImplicitDeny);
}

#[test]
fn a_condition_it_cannot_evaluate_denies() {
    let condition = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    assert_eq!(policy(allow.clone()).evaluate(INVOKE, GET_PETS), ImplicitDeny);
    assert_eq!(policy(json!([allow, allow_all()])).evaluate(INVOKE, GET_PETS), Allow);
    let deny = json!({"Effect": "Deny", "Action": "*", "Resource": "*/pets", "Condition": condition});
    let policy = policy(json!([allow_all(), deny]));
    assert_eq!(policy.evaluate(INVOKE, GET_PETS), ExplicitDeny);
    assert_eq!(policy.evaluate(INVOKE, "arn/toys"), Allow);
}

#[test]
fn an_empty_condition_is_none() {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}});
    assert_eq!(policy(statement).evaluate(INVOKE, GET_PETS), Allow);
}

#[test]
fn a_variable_it_cannot_resolve_denies() {
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*${aws:username}*"});
    assert_eq!(policy(allow.clone()).evaluate(INVOKE, "x${aws:username}x"), ImplicitDeny);
    let deny = json!({"Effect": "Deny", "Action": "*", "NotResource": "*/${aws:username}"});
    assert_eq!(policy(json!([allow_all(), deny])).evaluate(INVOKE, GET_PETS), ExplicitDeny);
    let old = PolicyDocument::parse(&json!({"Version": "2008-10-17", "Statement": allow})).unwrap();
    assert_eq!(old.evaluate(INVOKE, "x${aws:username}x"), Allow);
}

#[test]
fn an_unknown_member_is_refused() {
    for member in ["Principal", "NotPrincipal", "action", "Comment"] {
        let mut statement = allow_all();
        statement[member] = json!("*");
        let refusal = of_statement(statement);
        assert!(refusal.contains(&format!("unknown field `{member}`")), "{refusal}");
    }
    let refusal = refusal(json!({"Version": "2012-10-17", "Statement": [], "version": "x"}));
    assert!(refusal.contains("unknown field `version`"), "{refusal}");
}

#[test]
fn a_member_twice_is_refused() {
    let twice = r#"{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let refusal = twice.parse::<PolicyDocument>().unwrap_err().to_string();
    assert!(refusal.contains("duplicate field `Effect`"), "{refusal}");
}

#[test]
fn a_member_missing_or_of_the_wrong_type_is_refused() {
    for (statement, because) in [
        (json!({"Action": "*", "Resource": "*"}), "missing field `Effect`"),
        (json!({"Effect": "allow", "Action": "*", "Resource": "*"}), "unknown variant `allow`"),
        (json!({"Effect": "Allow", "Resource": "*"}), "either Action or NotAction"),
        (json!({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
        (json!({"Effect": "Allow", "Action": "*", "NotAction": "s3:*", "Resource": "*"}), "either Action or NotAction"),
        (
            json!({"Effect": "Allow", "Action": "*", "Resource": "*", "NotResource": "x"}),
            "either Resource or NotResource",
        ),
        (json!({"Effect": "Allow", "Action": [], "Resource": "*"}), "Action must name at least one"),
        (json!({"Effect": "Deny", "Action": "*", "NotResource": []}), "Resource must name at least one"),
        (json!({"Effect": "Allow", "Action": 1, "Resource": "*"}), "invalid type: integer"),
        (json!({"Effect": "Allow", "Action": "*", "Resource": [null]}), "invalid type: null"),
        (json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Sid": null}), "invalid type: null"),
        (json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": null}), "invalid type: null"),
        (json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": "x"}), "invalid type: string"),
        (json!("Allow"), "invalid type: string"),
    ] {
        let refusal = of_statement(statement);
        assert!(refusal.contains(because), "{refusal}, not {because}");
    }
    for document in [
        json!(null),
        json!("{}"),
        json!({}),
        json!({"Version": "2012-10-17"}),
        json!({"Version": "2012-10-17", "Statement": null}),
        json!({"Version": "2026-01-01", "Statement": []}),
        json!({"Version": null, "Statement": []}),
        json!({"Id": 7, "Statement": []}),
    ] {
        assert!(PolicyDocument::parse(&document).is_err(), "{document}");
    }
    assert!("".parse::<PolicyDocument>().is_err());
}

#[test]
fn a_resource_has_at_most_512_characters() {
    for member in ["Resource", "NotResource"] {
        let of = |length: usize| {
            let statement = json!({"Effect": "Deny", "Action": "*", member: ["*", "é".repeat(length)]});
            PolicyDocument::parse(&json!({"Statement": statement}))
        };
        assert!(of(512).is_ok());
        assert!(matches!(of(513), Err(InvalidPolicy::ResourceTooLong { length: 513 })));
    }
}

#[test]
fn what_was_read_is_written_again() {
    let document = json!({"Version": "2008-10-17", "Id": "mine", "Statement": [
        {"Sid": "1", "Effect": "Allow", "NotAction": ["a", "b"], "NotResource": "c"},
        {"Effect": "Deny", "Action": "a", "Resource": ["c", "d"], "Condition": {"Bool": {"x": [true]}}},
    ]});
    let policy: PolicyDocument = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&policy).unwrap(), document);
}

#[derive(Clone, Debug)]
struct Sample {
    deny: bool,
    not_action: bool,
    actions: Vec<String>,
    not_resource: bool,
    resources: Vec<String>,
    condition: bool,
}

impl Sample {
    fn json(&self) -> Value {
        let mut statement = json!({
            "Effect": if self.deny { "Deny" } else { "Allow" },
            if self.not_action { "NotAction" } else { "Action" }: self.actions,
            if self.not_resource { "NotResource" } else { "Resource" }: self.resources,
        });
        if self.condition {
            statement["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
        }
        statement
    }

    fn speaks_of(&self, action: &str, resource: &str) -> bool {
        let among = |patterns: &[String], text: &str| patterns.iter().any(|p| like(p.as_bytes(), text.as_bytes()));
        among(&self.actions, action) != self.not_action && among(&self.resources, resource) != self.not_resource
    }
}

/// Wildcards by their definition; the samples are ASCII in lower case.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|taken| like(rest, &text[taken..])),
        [wanted, rest @ ..] => {
            text.split_first().is_some_and(|(found, text)| (*wanted == b'?' || wanted == found) && like(rest, text))
        }
    }
}

fn naive_verdict(samples: &[Sample], action: &str, resource: &str) -> Verdict {
    let speaking: Vec<_> = samples.iter().filter(|sample| sample.speaks_of(action, resource)).collect();
    if speaking.iter().any(|sample| sample.deny) {
        ExplicitDeny
    } else if speaking.iter().any(|sample| !sample.condition) {
        Allow
    } else {
        ImplicitDeny
    }
}

prop_compose! {
    fn sample()(
        deny: bool, not_action: bool, not_resource: bool, condition: bool,
        actions in prop::collection::vec("[ab:*?]{1,4}", 1..3),
        resources in prop::collection::vec("[ab/*?]{1,5}", 1..3),
    ) -> Sample {
        Sample { deny, not_action, actions, not_resource, resources, condition }
    }
}

proptest! {
    #[test]
    fn a_verdict_is_that_of_the_definition(
        samples in prop::collection::vec(sample(), 0..4),
        action in "[ab:]{1,4}",
        resource in "[ab/]{0,6}",
    ) {
        let statements: Vec<_> = samples.iter().map(Sample::json).collect();
        let verdict = policy(Value::Array(statements)).evaluate(&action, &resource);
        prop_assert_eq!(verdict, naive_verdict(&samples, &action, &resource));
    }
}
