use keyplan_wire::api_key::StageKey;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_695_700_000);
const LATER: Timestamp = Timestamp::from_seconds(1_695_700_060);

fn create(input: CreateApiKeyInput) -> Result<(ApiKey, Option<KeyValue>), ApiError> {
    new_key(input, ApiKeyId::new("abcdefghij"), NOW)
}

fn refusal(input: CreateApiKeyInput) -> String {
    let error = create(input).unwrap_err();
    assert_eq!((error.status, error.kind), (400, "BadRequestException"));
    error.message
}

fn replace(path: &str, value: &str) -> PatchOperation {
    PatchOperation { op: Op::Replace, path: Some(path.into()), value: Some(value.into()), from: None }
}

#[test]
fn a_key_is_disabled_and_nameless_unless_told() {
    let (key, value) = create(CreateApiKeyInput {
        name: Some(String::new()),
        value: Some(KeyValue::known(String::new())),
        ..CreateApiKeyInput::default()
    })
    .unwrap();
    assert_eq!((key.name, key.enabled, value), (None, false, None));
}

#[test]
fn what_is_too_long_or_too_short_is_told_as_recorded() {
    let value = |length: usize| CreateApiKeyInput {
        value: Some(KeyValue::known("x".repeat(length))),
        ..CreateApiKeyInput::default()
    };
    assert_eq!(refusal(value(19)), "API Key value should be at least 20 characters");
    assert_eq!(refusal(value(129)), "API Key value exceeds maximum size of 128 characters");
    assert!(create(value(20)).is_ok() && create(value(128)).is_ok());

    let name = |length: usize| CreateApiKeyInput { name: Some("x".repeat(length)), ..CreateApiKeyInput::default() };
    assert_eq!(refusal(name(1_025)), "Invalid API Key name, can be at most 1024 characters.");
    assert!(create(name(1_024)).is_ok());

    let description = CreateApiKeyInput { description: Some("x".repeat(125_001)), ..CreateApiKeyInput::default() };
    assert_eq!(refusal(description), "Invalid API Key description specified.");
}

#[test]
fn a_patch_changes_what_it_names_and_the_date() {
    let (mut key, _) = create(CreateApiKeyInput { name: Some("k".into()), ..CreateApiKeyInput::default() }).unwrap();
    patch(&mut key, &[replace("/name", "new"), replace("/enabled", "True")], LATER).unwrap();
    assert_eq!((key.name.as_deref(), key.enabled, key.last_updated_date), (Some("new"), true, LATER));
    patch(&mut key, &[replace("/enabled", "not-a-boolean"), replace("/name", "")], LATER).unwrap();
    assert_eq!((key.name, key.enabled), (None, false));
}

#[test]
fn what_cannot_be_patched_is_told_as_recorded() {
    let (mut key, _) = create(CreateApiKeyInput::default()).unwrap();
    assert_eq!(
        patch(&mut key, &[replace("/id", "x")], NOW).unwrap_err().message,
        "Invalid patch path  '/id' specified for op 'replace'. Must be one of: \
         [/description, /enabled, /name, /customerId]"
    );
    let remove = PatchOperation { op: Op::Remove, ..replace("/name", "") };
    assert_eq!(
        patch(&mut key, &[remove], NOW).unwrap_err().message,
        "Invalid patch path  '/name' specified for op 'remove'. Please choose supported operations"
    );
    let long = replace("/description", &"x".repeat(125_001));
    assert_eq!(patch(&mut key, &[long], NOW).unwrap_err().message, "Invalid API Key description specified.");
}

#[test]
fn labels_and_stages_are_taken_and_change_nothing() {
    let stage = StageKey { rest_api_id: Some("abc".into()), stage_name: Some("dev".into()) };
    let input = CreateApiKeyInput { stage_keys: Some(vec![stage]), ..CreateApiKeyInput::default() };
    let (made, _) = create(input).unwrap();
    let mut key = made.clone();
    for path in ["/labels", "/stages"] {
        for op in [Op::Add, Op::Remove] {
            patch(&mut key, &[PatchOperation { op, ..replace(path, "abc/dev") }], NOW).unwrap();
        }
        assert_eq!(
            patch(&mut key, &[replace(path, "abc/dev")], NOW).unwrap_err().message,
            format!("Invalid patch path  '{path}' specified for op 'replace'. Please choose supported operations")
        );
    }
    assert_eq!(key, made);
}

#[test]
fn a_token_names_who_holds_it_and_expires_in_the_future() {
    let token = |input| new_token(input, TokenId::new("tttttttttt"), ApiKeyId::new("abcdefghij"), NOW);
    let input = |principal: Option<&str>, scopes: &[&str], expires_at| CreateTokenInput {
        principal_id: principal.map(str::to_owned),
        scopes: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        expires_at,
    };
    let issued = token(input(Some("alice"), &["GET/pets/*"], Some(NOW.as_seconds() + 1))).unwrap();
    assert_eq!((issued.principal_id.as_str(), issued.scopes.len()), ("alice", 1));
    assert_eq!(issued.expires, Some(Timestamp::from_seconds(NOW.as_seconds() + 1)));
    for wrong in [
        input(None, &[], None),
        input(Some(""), &[], None),
        input(Some("a\nb"), &[], None),
        input(Some("alice"), &["pets"], None),
        input(Some("alice"), &["GET/x"; 51], None),
        input(Some("alice"), &[], Some(NOW.as_seconds())),
    ] {
        assert_eq!(token(wrong).unwrap_err().status, 400);
    }
}
