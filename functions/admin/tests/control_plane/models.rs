//! Models and request validators.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Control, text};

/// An API: its path, and that of `ANY /`.
async fn api(control: &Control) -> (String, String) {
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let path = format!("/restapis/{}", text(&api, "id"));
    let method = format!("{path}/resources/{}/methods/ANY", text(&api, "rootResourceId"));
    (path, method)
}

#[tokio::test]
async fn every_api_begins_with_two_models() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    assert_json_snapshot!(control.get(&format!("{api}/models")).await.ok(), {".item[].id" => "[id]"}, @r#"
    {
      "item": [
        {
          "contentType": "application/json",
          "description": "This is a default empty schema model",
          "id": "[id]",
          "name": "Empty",
          "schema": "{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"
        },
        {
          "contentType": "application/json",
          "description": "This is a default error schema model",
          "id": "[id]",
          "name": "Error",
          "schema": "{\n  \"$schema\" : \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Error Schema\",\n  \"type\" : \"object\",\n  \"properties\" : {\n    \"message\" : { \"type\" : \"string\" }\n  }\n}"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_model_is_made_shown_changed_used_and_deleted() {
    let control = Control::start().await;
    let (api, method) = api(&control).await;
    let models = format!("{api}/models");
    let pet = json!({"name": "Pet", "contentType": "application/json", "schema": r#"{"type":"object"}"#});
    let made = control.post(&models, pet.clone()).await.created();
    assert_json_snapshot!(made, {".id" => "[id]"}, @r#"
    {
      "contentType": "application/json",
      "id": "[id]",
      "name": "Pet",
      "schema": "{\"type\":\"object\"}"
    }
    "#);
    assert_eq!(text(&made, "id").len(), 6);
    assert_eq!(control.get(&format!("{models}/Pet")).await.ok(), made);
    let again = control.post(&models, pet).await.error();
    assert_eq!(again, "409 ConflictException: Model name already exists for this REST API");
    let changed = control.patch(&format!("{models}/Pet"), &[("replace", "/description", "d")]).await.ok();
    let expected = json!({
        "contentType": "application/json", "description": "d", "id": made["id"], "name": "Pet",
        "schema": r#"{"type":"object"}"#,
    });
    assert_eq!(changed, expected);
    let operations = [("replace", "/description", "e"), ("add", "/nope", "x")];
    let refused = control.patch(&format!("{models}/Pet"), &operations).await.error();
    let reason = "Invalid patch path  '/nope' specified for op 'add'. Please choose supported operations";
    assert_eq!(refused, format!("400 BadRequestException: {reason}"));
    assert_eq!(control.get(&format!("{models}/Pet")).await.ok()["description"], "d");

    let with_model = |model: &str| json!({"authorizationType": "NONE", "requestModels": {"application/json": model}});
    let unknown = control.put(&method, with_model("Cat")).await.error();
    assert_eq!(unknown, "400 BadRequestException: Invalid model identifier specified: Cat");
    control.put(&method, with_model("Pet")).await.created();
    let used = control.delete(&format!("{models}/Pet")).await.error();
    assert_eq!(used, "409 ConflictException: Cannot delete model 'Pet', is referenced in method request: //ANY");
    assert_eq!(control.delete(&method).await.status, 204);
    assert_eq!(control.delete(&format!("{models}/Pet")).await.status, 202);
    for path in ["Pet", "nope"] {
        let gone = control.get(&format!("{models}/{path}")).await.error();
        assert_eq!(gone, format!("404 NotFoundException: Invalid model name specified: {path}"));
    }
}

#[tokio::test]
async fn a_method_response_shows_models_that_exist() {
    let control = Control::start().await;
    let (api, method) = api(&control).await;
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    let response = format!("{method}/responses/200");
    let unknown = "400 BadRequestException: Invalid model identifier specified: Pet";
    let with = |model: &str| json!({"responseModels": {"application/json": model}});
    assert_eq!(control.put(&response, with("Pet")).await.error(), unknown);
    let shown = json!({"responseModels": {"application/json": "Error"}, "statusCode": "200"});
    assert_eq!(control.put(&response, with("Error")).await.created(), shown);
    let to_pet = [("replace", "/responseModels/application~1json", "Pet")];
    assert_eq!(control.patch(&response, &to_pet).await.error(), unknown);
    let to_pet = [("add", "/requestModels/application~1json", "Pet")];
    assert_eq!(control.patch(&method, &to_pet).await.error(), unknown);
    assert_eq!(control.get(&response).await.ok(), shown);
    let used = control.delete(&format!("{api}/models/Error")).await.error();
    assert_eq!(used, "409 ConflictException: Cannot delete model 'Error', is referenced in method response: //ANY");
    control.patch(&response, &[("remove", "/responseModels/application~1json", "")]).await.created();
    assert_eq!(control.delete(&format!("{api}/models/Error")).await.status, 202);
}

#[tokio::test]
async fn a_sample_template_writes_what_a_model_describes() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let models = format!("{api}/models");
    let template = control.get(&format!("{models}/Error/default_template")).await.ok();
    assert_eq!(template, json!({"value": "#set($inputRoot = $input.path('$'))\n{\n  \"message\" : \"foo\"\n}"}));
}

#[tokio::test]
async fn models_and_validators_go_with_their_api_and_are_copied_with_it() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let pet = json!({"name": "Pet", "contentType": "application/json", "schema": "{}"});
    control.post(&format!("{api}/models"), pet).await.created();
    let validators = format!("{api}/requestvalidators");
    let validator = text(&control.post(&validators, json!({"name": "v"})).await.created(), "id");
    let id = api.trim_start_matches("/restapis/");
    let copy = control.post("/restapis", json!({"name": "b", "cloneFrom": id})).await.created();
    let copy = format!("/restapis/{}", text(&copy, "id"));
    assert_eq!(control.delete(&api).await.status, 202);
    assert_eq!(control.get(&format!("{api}/models/Pet")).await.status, 404);
    assert_eq!(control.get(&format!("{validators}/{validator}")).await.status, 404);
    let of_copy = control.get(&format!("{copy}/models")).await.ok();
    let names: Vec<String> = of_copy["item"].as_array().unwrap().iter().map(|model| text(model, "name")).collect();
    assert_eq!(names, ["Empty", "Error", "Pet"]);
    assert_eq!(control.get(&format!("{copy}/requestvalidators/{validator}")).await.ok()["name"], "v");
}

#[tokio::test]
async fn validators_come_in_pages() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let validators = format!("{api}/requestvalidators");
    assert_eq!(control.get(&validators).await.ok(), json!({"item": []}));
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        made.push(control.post(&validators, json!({"name": name})).await.created());
    }
    made.sort_by_key(|validator| text(validator, "id"));
    let first = control.get(&format!("{validators}?limit=2")).await.ok();
    assert_eq!(first["item"], json!(made[..2]));
    let second = control.get(&format!("{validators}?limit=2&position={}", text(&first, "position"))).await.ok();
    assert_eq!(second, json!({"item": made[2..]}));
}

#[tokio::test]
async fn models_come_in_pages_and_flattened() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let models = format!("{api}/models");
    let id = api.trim_start_matches("/restapis/");
    let refers = json!({"$ref": format!("https://apigateway.amazonaws.com/restapis/{id}/models/Error")}).to_string();
    control.post(&models, json!({"name": "Outer", "contentType": "a/b", "schema": refers})).await.created();
    let flat = control.get(&format!("{models}/Outer?flatten=true")).await.ok();
    let schema: Value = serde_json::from_str(flat["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema["$ref"], "#/definitions/Error");
    assert_eq!(schema["definitions"]["Error"]["title"], "Error Schema");
    assert_eq!(control.get(&format!("{models}/Outer")).await.ok()["schema"], refers);
    let first = control.get(&format!("{models}?limit=2")).await.ok();
    let names = |page: &Value| -> Vec<String> {
        page["item"].as_array().unwrap().iter().map(|model| text(model, "name")).collect()
    };
    assert_eq!(names(&first), ["Empty", "Error"]);
    let second = control.get(&format!("{models}?limit=2&position={}", text(&first, "position"))).await.ok();
    assert_eq!((names(&second), second.get("position")), (vec!["Outer".to_owned()], None));
}

#[tokio::test]
async fn a_validator_is_made_shown_changed_used_and_deleted() {
    let control = Control::start().await;
    let (api, method) = api(&control).await;
    let validators = format!("{api}/requestvalidators");
    let made = control.post(&validators, json!({"name": "v", "validateRequestBody": true})).await.created();
    assert_json_snapshot!(made, {".id" => "[id]"}, @r#"
    {
      "id": "[id]",
      "name": "v",
      "validateRequestBody": true,
      "validateRequestParameters": false
    }
    "#);
    let id = text(&made, "id");
    let path = format!("{validators}/{id}");
    assert_eq!(control.get(&path).await.ok(), made);
    assert_eq!(control.get(&validators).await.ok(), json!({"item": [made]}));
    let operations = [("replace", "/validateRequestParameters", "true"), ("replace", "/name", "w")];
    let changed = control.patch(&path, &operations).await.ok();
    let expected = json!({"id": id, "name": "w", "validateRequestBody": true, "validateRequestParameters": true});
    assert_eq!(changed, expected);
    for (op, at, message) in [
        (
            "replace",
            "/nope",
            "Invalid patch path  '/nope' specified for op 'replace'. Must be one of: [/name, \
             /validateRequestParameters, /validateRequestBody]",
        ),
        (
            "remove",
            "/name",
            "Invalid patch path  '/name' specified for op 'remove'. Please choose supported operations",
        ),
    ] {
        let refused = control.patch(&path, &[("replace", "/name", "x"), (op, at, "x")]).await.error();
        assert_eq!(refused, format!("400 BadRequestException: {message}"));
    }
    assert_eq!(control.get(&path).await.ok(), changed);

    let with = |validator: &str| json!({"authorizationType": "NONE", "requestValidatorId": validator});
    let unknown = control.put(&method, with("nope")).await.error();
    assert_eq!(unknown, "400 BadRequestException: Invalid Request Validator identifier specified");
    assert_eq!(control.put(&method, with(&id)).await.created()["requestValidatorId"], id);
    let used = control.delete(&path).await.error();
    assert_eq!(
        used,
        format!("409 ConflictException: Cannot delete request validator '{id}', is used by method: //ANY")
    );
    control.patch(&method, &[("replace", "/requestValidatorId", "")]).await.ok();
    assert_eq!(control.delete(&path).await.status, 202);
    let gone = control.get(&path).await.error();
    assert_eq!(gone, "404 NotFoundException: Invalid Request Validator identifier specified");
}
