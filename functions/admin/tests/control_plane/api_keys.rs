use http::StatusCode;
use insta::assert_json_snapshot;
use keyplan_domain::token::Token;
use serde_json::json;

use crate::support::{Control, text};

const UNKNOWN: &str = "404 NotFoundException: Invalid API Key identifier specified";

#[tokio::test]
async fn a_key_is_made_shown_changed_and_deleted_as_recorded() {
    let control = Control::start().await;
    let made = control.post("/apikeys", json!({"name": "k"})).await.created();
    assert_json_snapshot!(made, {".id" => "[id]", ".value" => "[value]"}, @r#"
    {
      "createdDate": 1795435200,
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": 1795435200,
      "name": "k",
      "stageKeys": [],
      "value": "[value]"
    }
    "#);
    assert_eq!(text(&made, "value").len(), 40);
    let path = format!("/apikeys/{}", text(&made, "id"));

    let shown = control.get(&path).await.ok();
    assert_json_snapshot!(shown, {".id" => "[id]"}, @r#"
    {
      "createdDate": 1795435200,
      "enabled": false,
      "id": "[id]",
      "lastUpdatedDate": 1795435200,
      "name": "k",
      "stageKeys": [],
      "tags": {}
    }
    "#);
    let with_value = control.get(&format!("{path}?includeValue=true")).await.ok();
    assert_eq!(with_value["value"], made["value"]);

    let changed = control.patch(&path, &[("replace", "/name", "new"), ("replace", "/enabled", "true")]).await.ok();
    assert_eq!((&changed["name"], &changed["enabled"]), (&json!("new"), &json!(true)));
    assert!(changed.get("value").is_none());

    assert!(control.delete(&path).await.expect(StatusCode::ACCEPTED).is_null());
    assert_eq!(control.get(&path).await.error(), UNKNOWN);
    assert_eq!(control.delete(&path).await.error(), UNKNOWN);
    assert_eq!(control.patch(&path, &[("replace", "/name", "x")]).await.error(), UNKNOWN);
}

#[tokio::test]
async fn a_refused_patch_changes_nothing() {
    let control = Control::start().await;
    let made = control.post("/apikeys", json!({"name": "k"})).await.created();
    let path = format!("/apikeys/{}", text(&made, "id"));
    let refused = control.patch(&path, &[("replace", "/name", "new"), ("replace", "/id", "x")]).await;
    assert_eq!(
        refused.error(),
        "400 BadRequestException: Invalid patch path  '/id' specified for op 'replace'. Must be one of: \
         [/description, /enabled, /name, /customerId]"
    );
    assert_eq!(control.get(&path).await.ok()["name"], "k");
}

#[tokio::test]
async fn labels_and_stages_of_before_usage_plans_are_taken_and_open_nothing() {
    let control = Control::start().await;
    let stage_keys = json!([{"restApiId": "abcdefghij", "stageName": "prod"}]);
    let made = control.post("/apikeys", json!({"name": "k", "stageKeys": stage_keys})).await.created();
    assert_eq!(made["stageKeys"], json!([]));
    let path = format!("/apikeys/{}", text(&made, "id"));
    for operation in [
        ("add", "/labels", "gold"),
        ("remove", "/labels", "gold"),
        ("add", "/stages", "abcdefghij/prod"),
        ("remove", "/stages", "abcdefghij/prod"),
    ] {
        let patched = control.patch(&path, &[operation]).await.ok();
        assert_eq!(patched, control.get(&path).await.ok());
        assert_eq!(patched["stageKeys"], json!([]));
    }
    let refused = control.patch(&path, &[("replace", "/stages", "abcdefghij/prod")]).await;
    assert_eq!(
        refused.error(),
        "400 BadRequestException: Invalid patch path  '/stages' specified for op 'replace'. Please choose supported \
         operations"
    );
}

#[tokio::test]
async fn two_keys_never_have_one_value() {
    let control = Control::start().await;
    let value = "a-value-of-20-characters";
    control.post("/apikeys", json!({"value": value})).await.created();
    let again = control.post("/apikeys", json!({"value": value})).await;
    assert_eq!(again.error(), "409 ConflictException: API Key already exists");
}

#[tokio::test]
async fn keys_are_listed_newest_first_by_prefix_and_a_page_at_a_time() {
    let control = Control::start().await;
    for name in ["alpha", "beta", "Alpha"] {
        control.post("/apikeys", json!({"name": name})).await.created();
    }
    let listed = control.get("/apikeys").await.ok();
    let items = listed["item"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item.get("value").is_none() && item.get("tags").is_none()));
    let with_values = control.get("/apikeys?includeValues=true").await.ok();
    assert!(with_values["item"].as_array().unwrap().iter().all(|item| item["value"].is_string()));

    let names = |answer: serde_json::Value| -> Vec<String> {
        answer["item"].as_array().unwrap().iter().map(|item| text(item, "name")).collect()
    };
    assert_eq!(names(control.get("/apikeys?name=al").await.ok()), ["alpha"]);
    assert_eq!(names(control.get("/apikeys?name=lpha").await.ok()), Vec::<String>::new());

    let mut seen = Vec::new();
    let mut position = String::new();
    loop {
        let page = control.get(&format!("/apikeys?limit=1{position}")).await.ok();
        let next = page.get("position").map(|_| text(&page, "position"));
        seen.extend(names(page));
        match next {
            Some(next) => position = format!("&position={next}"),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, ["Alpha", "alpha", "beta"]);
    let wrong = control.get("/apikeys?position=wrong").await;
    assert_eq!(wrong.error(), "400 BadRequestException: Invalid position specified");
}

#[tokio::test]
async fn a_token_is_issued_once_listed_without_itself_and_revoked() {
    let control = Control::start().await;
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let tokens = format!("/apikeys/{key}/tokens");
    let issued = control.post(&tokens, json!({"principalId": "alice", "scopes": ["GET/pets/*"]})).await.created();
    assert_json_snapshot!(issued, {".id" => "[id]", ".token" => "[token]"}, @r#"
    {
      "createdDate": 1795435200,
      "id": "[id]",
      "principalId": "alice",
      "scopes": [
        "GET/pets/*"
      ],
      "token": "[token]"
    }
    "#);
    assert!(Token::parse(&text(&issued, "token")).is_ok());

    let listed = control.get(&tokens).await.ok();
    let item = &listed["item"][0];
    assert_eq!((&item["id"], item.get("token")), (&issued["id"], None));

    let token = format!("{tokens}/{}", text(&issued, "id"));
    control.delete(&token).await.expect(StatusCode::ACCEPTED);
    assert_eq!(control.delete(&token).await.error(), "404 NotFoundException: Invalid token identifier specified");
    assert_eq!(control.get(&tokens).await.ok(), json!({"item": []}));
}

#[tokio::test]
async fn a_token_needs_a_key_and_a_principal() {
    let control = Control::start().await;
    let body = json!({"principalId": "alice"});
    assert_eq!(control.post("/apikeys/unknown/tokens", body).await.error(), UNKNOWN);
    assert_eq!(control.get("/apikeys/unknown/tokens").await.error(), UNKNOWN);
    let key = text(&control.post("/apikeys", json!({})).await.created(), "id");
    let tokens = format!("/apikeys/{key}/tokens");
    assert_eq!(
        control.post(&tokens, json!({})).await.error(),
        "400 ValidationException: 1 validation error detected: Value null at 'createTokenInput.principalId' failed to \
         satisfy constraint: Member must not be null"
    );
    let past = json!({"principalId": "alice", "expiresAt": 1_795_435_200});
    assert_eq!(
        control.post(&tokens, past).await.error(),
        "400 BadRequestException: Invalid expiresAt: it must be in the future, in seconds since the epoch"
    );
}

#[tokio::test]
async fn a_token_is_rotated_with_an_overlap() {
    let control = Control::start().await;
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let tokens = format!("/apikeys/{key}/tokens");
    let lifetime = json!({"principalId": "alice", "scopes": ["GET/pets/*"], "expiresAt": 1_795_445_200});
    let old = control.post(&tokens, lifetime).await.created();
    let rotate = format!("{tokens}/{}/rotate", text(&old, "id"));
    let new = control.call("POST", &rotate, "").await.created();
    assert_json_snapshot!(new, {".id" => "[id]", ".token" => "[token]"}, @r#"
    {
      "createdDate": 1795435200,
      "expiresAt": 1795445200,
      "id": "[id]",
      "principalId": "alice",
      "scopes": [
        "GET/pets/*"
      ],
      "token": "[token]"
    }
    "#);
    assert_ne!((&new["id"], &new["token"]), (&old["id"], &old["token"]));
    let ends = |listed: &serde_json::Value, id: &serde_json::Value| {
        let item = listed["item"].as_array().unwrap().iter().find(|item| item["id"] == *id).unwrap().clone();
        item["expiresAt"].as_i64()
    };
    let listed = control.get(&tokens).await.ok();
    assert_eq!(ends(&listed, &old["id"]), Some(1_795_435_200 + 3_600), "an hour, unless told otherwise");
    assert_eq!(ends(&listed, &new["id"]), Some(1_795_445_200));

    let unlimited = control.post(&tokens, json!({"principalId": "bob"})).await.created();
    let rotate = format!("{tokens}/{}/rotate", text(&unlimited, "id"));
    for (body, told) in [
        (json!({"overlapSeconds": -1}), "Invalid overlapSeconds: it must be between 0 and 2592000"),
        (json!({"overlapSeconds": 2_592_001}), "Invalid overlapSeconds: it must be between 0 and 2592000"),
        (
            json!({"expiresAt": 1_795_435_200}),
            "Invalid expiresAt: it must be in the future, in seconds since the epoch",
        ),
    ] {
        assert_eq!(control.post(&rotate, body).await.error(), format!("400 BadRequestException: {told}"));
    }
    let new = control.post(&rotate, json!({"overlapSeconds": 0})).await.created();
    assert_eq!(new.get("expiresAt"), None);
    assert_eq!(ends(&control.get(&tokens).await.ok(), &unlimited["id"]), Some(1_795_435_200));
    assert_eq!(control.post(&rotate, json!({})).await.error(), "400 BadRequestException: The token has expired");
    for unknown in [format!("{tokens}/nope/rotate"), "/apikeys/nope/tokens/nope/rotate".to_owned()] {
        assert_eq!(
            control.post(&unknown, json!({})).await.error(),
            "404 NotFoundException: Invalid token identifier specified"
        );
    }
}

#[tokio::test]
async fn a_subject_is_mapped_once_listed_and_removed() {
    let control = Control::start().await;
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let other = text(&control.post("/apikeys", json!({"name": "other"})).await.created(), "id");
    let subjects = format!("/apikeys/{key}/subjects");
    let alice = json!({"issuer": "https://issuer.example/", "subject": "auth0|alice"});
    let mapped = control.post(&subjects, alice.clone()).await.created();
    assert_json_snapshot!(mapped, @r#"
    {
      "createdDate": 1795435200,
      "id": "enabs33i4h",
      "issuer": "https://issuer.example/",
      "subject": "auth0|alice"
    }
    "#);
    assert_eq!(control.get(&subjects).await.ok(), json!({"item": [mapped]}));
    for key in [&key, &other] {
        assert_eq!(
            control.post(&format!("/apikeys/{key}/subjects"), alice.clone()).await.error(),
            "409 ConflictException: The subject is already mapped to an API key"
        );
    }

    let subject = format!("{subjects}/{}", text(&mapped, "id"));
    let of_other = format!("/apikeys/{other}/subjects/{}", text(&mapped, "id"));
    assert_eq!(control.delete(&of_other).await.error(), "404 NotFoundException: Invalid subject identifier specified");
    control.delete(&subject).await.expect(StatusCode::ACCEPTED);
    assert_eq!(control.delete(&subject).await.error(), "404 NotFoundException: Invalid subject identifier specified");
    assert_eq!(control.get(&subjects).await.ok(), json!({"item": []}));
    control.post(&format!("/apikeys/{other}/subjects"), alice).await.created();
}

#[tokio::test]
async fn a_subject_of_a_deleted_key_can_have_another() {
    let control = Control::start().await;
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let alice = json!({"issuer": "https://issuer.example/", "subject": "alice"});
    control.post(&format!("/apikeys/{key}/subjects"), alice.clone()).await.created();
    control.delete(&format!("/apikeys/{key}")).await.expect(StatusCode::ACCEPTED);
    let other = text(&control.post("/apikeys", json!({"name": "other"})).await.created(), "id");
    control.post(&format!("/apikeys/{other}/subjects"), alice).await.created();
}

#[tokio::test]
async fn subjects_are_listed_in_pages() {
    let control = Control::start().await;
    let key = text(&control.post("/apikeys", json!({"name": "k"})).await.created(), "id");
    let subjects = format!("/apikeys/{key}/subjects");
    for subject in ["a", "b", "c"] {
        control.post(&subjects, json!({"issuer": "i", "subject": subject})).await.created();
    }
    let first = control.get(&format!("{subjects}?limit=2")).await.ok();
    let second = control.get(&format!("{subjects}?limit=2&position={}", text(&first, "position"))).await.ok();
    assert_eq!(second.get("position"), None);
    let items = [&first, &second].into_iter().flat_map(|page| page["item"].as_array().unwrap());
    let mut seen: Vec<_> = items.map(|item| text(item, "subject")).collect();
    seen.sort();
    assert_eq!(seen, ["a", "b", "c"]);
    assert_eq!(
        control.get(&format!("{subjects}?position=wrong")).await.error(),
        "400 BadRequestException: Invalid position specified"
    );
}

#[tokio::test]
async fn a_subject_needs_a_key_an_issuer_and_a_name() {
    let control = Control::start().await;
    let alice = json!({"issuer": "https://issuer.example/", "subject": "alice"});
    assert_eq!(control.post("/apikeys/unknown/subjects", alice).await.error(), UNKNOWN);
    assert_eq!(control.get("/apikeys/unknown/subjects").await.error(), UNKNOWN);
    let key = text(&control.post("/apikeys", json!({})).await.created(), "id");
    let subjects = format!("/apikeys/{key}/subjects");
    for (body, refusal) in [
        (
            json!({}),
            "400 ValidationException: 2 validation errors detected: Value null at 'createSubjectInput.issuer' failed \
             to satisfy constraint: Member must not be null; Value null at 'createSubjectInput.subject' failed to \
             satisfy constraint: Member must not be null",
        ),
        (
            json!({"issuer": "i"}),
            "400 ValidationException: 1 validation error detected: Value null at 'createSubjectInput.subject' failed \
             to satisfy constraint: Member must not be null",
        ),
        (
            json!({"issuer": "i", "subject": 1}),
            "400 SerializationException: class java.lang.Integer can not be converted to an String",
        ),
        (json!({"issuer": "", "subject": "s"}), "400 BadRequestException: Invalid subject: the issuer is empty"),
        (
            json!({"issuer": "i", "subject": "s".repeat(1_025)}),
            "400 BadRequestException: Invalid subject: the subject has more than 1024 bytes",
        ),
        (
            json!({"issuer": "i", "subject": "a\nb"}),
            "400 BadRequestException: Invalid subject: the subject holds a control character",
        ),
    ] {
        assert_eq!(control.post(&subjects, body).await.error(), refusal);
    }
    assert_eq!(control.get(&subjects).await.ok(), json!({"item": []}));
}
