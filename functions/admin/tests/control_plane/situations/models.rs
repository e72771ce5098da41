//! Models and request validators.

use serde_json::{Value, json};

use super::{Scene, patch};
use crate::support::text;

#[tokio::test]
async fn of_models() {
    let scene = Scene::new().await;
    let models = "{api}/models";
    let no_schema = "400 BadRequestException: Model schema must have at least 1 property or array items defined";
    let invalid = |errors: &str| {
        let result = format!("Validation Result: warnings : [], errors : [{errors}]");
        format!("400 BadRequestException: Invalid model specified: {result}")
    };
    let model = |schema: &str| json!({"name": "Pet", "contentType": "application/json", "schema": schema});
    for (call, told) in [
        (
            ("POST", models, json!({"name": "", "contentType": "application/json", "schema": "{}"})),
            "400 BadRequestException: Model name must be non-empty".to_owned(),
        ),
        (
            ("POST", models, json!({"name": "a-b", "contentType": "application/json", "schema": "{}"})),
            "400 BadRequestException: Model name must be alphanumeric: a-b".to_owned(),
        ),
        (("POST", models, model("")), no_schema.to_owned()),
        (("POST", models, json!({"name": "Pet", "contentType": "application/json"})), no_schema.to_owned()),
        (("POST", models, json!({"name": "Pet", "contentType": "application/xml"})), no_schema.to_owned()),
        (("POST", models, model("no schema")), invalid("Invalid model schema specified")),
        (("POST", models, model(r#"{"required": []}"#)), invalid("Invalid model schema specified")),
        (
            ("POST", models, model(r#"{"type": "object", "example": 1}"#)),
            invalid(r#"Invalid model schema specified. Unsupported keyword(s): ["example"]"#),
        ),
        (
            ("POST", models, model(r##"{"$ref": "#/components/schemas/Pet"}"##)),
            invalid("Model reference must be in canonical form"),
        ),
        (
            ("POST", models, json!({"name": "Error", "contentType": "application/json", "schema": "{}"})),
            "409 ConflictException: Model name already exists for this REST API".to_owned(),
        ),
        (("PATCH", "{api}/models/Error", patch("replace", "/schema", "")), no_schema.to_owned()),
        (
            ("PATCH", "{api}/models/Error", patch("replace", "/name", "x")),
            "400 BadRequestException: Invalid patch path  '/name' specified for op 'replace'. Must be one of: \
             [/description, /schema]"
                .to_owned(),
        ),
        (
            ("PATCH", "{api}/models/Error", patch("add", "/wrong-path", "x")),
            "400 BadRequestException: Invalid patch path  '/wrong-path' specified for op 'add'. Please choose supported \
             operations"
                .to_owned(),
        ),
        (
            ("PATCH", "{api}/models/Error", patch("remove", "/description", "")),
            "400 BadRequestException: Invalid patch path  '/description' specified for op 'remove'. Please choose \
             supported operations"
                .to_owned(),
        ),
    ] {
        scene.check(call, &told).await;
    }
    let unknown_api = "404 NotFoundException: Invalid API identifier specified 000000000000:nope";
    scene.check(("POST", "/restapis/nope/models", model("{}")), unknown_api).await;
    scene.check(("GET", "/restapis/nope/models", Value::Null), unknown_api).await;
    for path in ["{api}/models/Pet", "/restapis/nope/models/Pet"] {
        let told = "404 NotFoundException: Invalid model name specified: Pet";
        scene.check(("GET", path, Value::Null), told).await;
        scene.check(("GET", &format!("{path}/default_template"), Value::Null), told).await;
        scene.check(("PATCH", path, patch("replace", "/description", "x")), told).await;
        scene.check(("DELETE", path, Value::Null), told).await;
    }
}

#[tokio::test]
async fn of_request_validators() {
    let scene = Scene::new().await;
    let validators = scene.named("{api}/requestvalidators");
    let made = scene.control.post(&validators, json!({"name": "v"})).await.created();
    let validator = format!("{validators}/{}", text(&made, "id"));
    for (operation, told) in [
        (patch("replace", "/name", ""), "Request Validator name cannot be blank"),
        (
            patch("add", "/validateRequestBody", "true"),
            "Invalid patch path  '/validateRequestBody' specified for op 'add'. Please choose supported operations",
        ),
        (
            patch("remove", "/validateRequestBody", "true"),
            "Invalid patch path  '/validateRequestBody' specified for op 'remove'. Please choose supported operations",
        ),
        (
            patch("replace", "/invalidPath", "x"),
            "Invalid patch path  '/invalidPath' specified for op 'replace'. Must be one of: [/name, \
             /validateRequestParameters, /validateRequestBody]",
        ),
    ] {
        scene.check(("PATCH", &validator, operation), &format!("400 BadRequestException: {told}")).await;
    }
    assert_eq!(scene.control.get(&validator).await.ok(), made);
    // Without a value, and with one that is none: false.
    let body = json!({"patchOperations": [{"op": "replace", "path": "/validateRequestBody"}]}).to_string();
    assert_eq!(scene.control.call("PATCH", &validator, &body).await.ok(), made);
    let odd = [("replace", "/validateRequestParameters", "not-a-boolean")];
    assert_eq!(scene.control.patch(&validator, &odd).await.ok(), made);

    let of_nothing = "/restapis/nope/requestvalidators";
    let bad_api = "400 BadRequestException: Invalid REST API identifier specified";
    scene.check(("POST", of_nothing, json!({"name": "v"})), bad_api).await;
    let unknown_api = "404 NotFoundException: Invalid API identifier specified 000000000000:nope";
    scene.check(("GET", of_nothing, Value::Null), unknown_api).await;
    for path in ["{api}/requestvalidators/nope", "/restapis/nope/requestvalidators/nope"] {
        let told = "404 NotFoundException: Invalid Request Validator identifier specified";
        scene.check(("GET", path, Value::Null), told).await;
        scene.check(("PATCH", path, patch("replace", "/name", "x")), told).await;
        scene.check(("DELETE", path, Value::Null), told).await;
    }
}
