use keyplan_domain::api::{Model, RestApiDefinition};
use keyplan_wire::error::{ApiError, Violation, Violations};
use keyplan_wire::patch::{Op, PatchOperation};
use keyplan_wire::rest_api::CreateModelInput;

use super::flatten::references;
use super::schema;
use crate::apis::missing;

const PATCH_PATHS: [&str; 2] = ["/description", "/schema"];

/// The model that a caller asks for.
pub(super) fn new_model(input: CreateModelInput, id: String) -> Result<Model, ApiError> {
    let mut violations = Violations::default();
    if input.name.is_none() {
        violations.push(Violation::missing("createModelInput.name"));
    }
    if input.content_type.is_none() {
        violations.push(Violation::missing("createModelInput.contentType"));
    }
    violations.check()?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let name = input.name.unwrap_or_default();
    if name.is_empty() {
        return Err(ApiError::bad_request("Model name must be non-empty"));
    }
    // "Must be an alphanumeric string" (API reference, CreateModel).
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ApiError::bad_request(format!("Model name must be alphanumeric: {name}")));
    }
    Ok(Model {
        id,
        name,
        description: given(input.description),
        schema: Some(schema(input.schema.as_deref())?),
        content_type: given(input.content_type)
            .ok_or_else(|| ApiError::bad_request("Model content type cannot be an empty string"))?,
    })
}

/// Puts a model into an API.
pub(super) fn add(definition: &mut RestApiDefinition, model: &Model) -> Result<(), ApiError> {
    if definition.models.contains_key(&model.name) {
        return Err(ApiError::conflict("Model name already exists for this REST API"));
    }
    definition.models.insert(model.name.clone(), model.clone());
    Ok(())
}

/// Carries out a patch of a model (patch operations, "Model"). The operation is
/// looked at before the path, as recorded.
pub(super) fn patch(model: &mut Model, operations: &[PatchOperation]) -> Result<(), ApiError> {
    for operation in operations {
        if operation.op != Op::Replace {
            return Err(operation.unsupported_op());
        }
        match operation.path.as_deref().unwrap_or_default() {
            "/description" => model.description = operation.text().map(str::to_owned),
            "/schema" => model.schema = Some(schema(operation.text())?),
            _ => return Err(operation.unknown_path(&PATCH_PATHS)),
        }
    }
    Ok(())
}

/// Deletes a model that nothing refers to.
pub(super) fn delete(definition: &mut RestApiDefinition, name: &str) -> Result<(), ApiError> {
    if !definition.models.contains_key(name) {
        return Err(missing::model(name));
    }
    if let Some(user) = user_of(definition, name) {
        return Err(ApiError::conflict(format!("Cannot delete model '{name}', is referenced in {user}")));
    }
    definition.models.remove(name);
    Ok(())
}

/// What refers to a model, if anything does.
fn user_of(definition: &RestApiDefinition, name: &str) -> Option<String> {
    for (resource, methods) in &definition.methods {
        let path = definition.resources.get(resource).map_or(resource.as_str(), |resource| &resource.path);
        for (verb, method) in methods {
            if method.request_models.values().any(|model| model == name) {
                return Some(format!("method request: {path}/{verb}"));
            }
            let mut responses = method.method_responses.values();
            if responses.any(|response| response.response_models.values().any(|model| model == name)) {
                return Some(format!("method response: {path}/{verb}"));
            }
        }
    }
    let refers =
        |model: &&Model| model.name != name && references(model.schema.as_deref().unwrap_or_default()).contains(name);
    definition.models.values().find(refers).map(|model| format!("model: {}", model.name))
}

/// A schema that can be kept. There must be one whatever the content type is, as
/// recorded.
fn schema(text: Option<&str>) -> Result<String, ApiError> {
    let text = text
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| ApiError::bad_request("Model schema must have at least 1 property or array items defined"))?;
    let errors = schema::errors(text);
    if errors.is_empty() {
        return Ok(text.to_owned());
    }
    let errors = errors.join(", ");
    Err(ApiError::bad_request(format!(
        "Invalid model specified: Validation Result: warnings : [], errors : [{errors}]"
    )))
}

#[cfg(test)]
mod tests {
    use keyplan_domain::api::MethodResponse;
    use serde_json::{Value, json};

    use super::*;
    use crate::apis::testing::{definition_with_method, operation};

    const NO_SCHEMA: &str = "Model schema must have at least 1 property or array items defined";

    fn create(body: &Value) -> Result<Model, ApiError> {
        new_model(keyplan_wire::input::from_json(body.to_string().as_bytes()).unwrap(), "abc123".into())
    }

    fn model(name: &str) -> Model {
        create(&json!({"name": name, "contentType": "application/json", "schema": "{}"})).unwrap()
    }

    #[test]
    fn what_cannot_be_created_is_told() {
        for (body, text) in [
            (json!({"name": "", "contentType": "a/b"}), "Model name must be non-empty"),
            (json!({"name": "a-b", "contentType": "a/b"}), "Model name must be alphanumeric: a-b"),
            (json!({"name": "a", "contentType": "", "schema": "{}"}), "Model content type cannot be an empty string"),
            (json!({"name": "a", "contentType": "a/b"}), NO_SCHEMA),
            (json!({"name": "a", "contentType": "a/b", "schema": ""}), NO_SCHEMA),
            (
                json!({"name": "a", "contentType": "a/b", "schema": r#"{"minItems": "1", "maxItems": "2"}"#}),
                "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified, \
                 Invalid model schema specified]",
            ),
            (
                json!({"name": "a", "contentType": "a/b", "schema": "no schema"}),
                "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified]",
            ),
        ] {
            assert_eq!(create(&body).unwrap_err().message, text);
        }
        assert_eq!(create(&json!({})).unwrap_err().kind, "ValidationException");
    }

    #[test]
    fn a_name_is_taken_once() {
        let mut definition = definition_with_method();
        add(&mut definition, &model("Pet")).unwrap();
        let error = add(&mut definition, &model("Pet")).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (409, "Model name already exists for this REST API"));
    }

    #[test]
    fn a_patch_replaces_description_and_schema() {
        let mut pet = model("Pet");
        let operations = [operation(Op::Replace, "/description", "d"), operation(Op::Replace, "/schema", "{\"a\":1}")];
        patch(&mut pet, &operations).unwrap();
        assert_eq!((pet.description.as_deref(), pet.schema.as_deref()), (Some("d"), Some("{\"a\":1}")));
        let no_schema = [operation(Op::Replace, "/schema", "")];
        assert_eq!(patch(&mut pet, &no_schema).unwrap_err().message, NO_SCHEMA);
        patch(&mut pet, &[operation(Op::Replace, "/description", "")]).unwrap();
        assert_eq!(pet.description, None);
        for (op, path, text) in [
            (
                Op::Add,
                "/nope",
                "Invalid patch path  '/nope' specified for op 'add'. Please choose supported operations",
            ),
            (
                Op::Remove,
                "/schema",
                "Invalid patch path  '/schema' specified for op 'remove'. Please choose supported operations",
            ),
            (
                Op::Replace,
                "/name",
                "Invalid patch path  '/name' specified for op 'replace'. Must be one of: [/description, /schema]",
            ),
        ] {
            assert_eq!(patch(&mut pet, &[operation(op, path, "x")]).unwrap_err().message, text);
        }
    }

    #[test]
    fn a_model_that_something_refers_to_stays() {
        let mut definition = definition_with_method();
        let refer =
            |name: &str| format!(r#"{{"$ref":"https://apigateway.amazonaws.com/restapis/abcdefghij/models/{name}"}}"#);
        for name in ["Pet", "Pets", "Answer", "Shown"] {
            add(&mut definition, &model(name)).unwrap();
        }
        definition.models.get_mut("Pets").unwrap().schema = Some(refer("Pet"));
        let method = definition.method_mut("root", "GET").unwrap();
        method.request_models.insert("application/json".into(), "Pets".into());
        let shown = MethodResponse {
            status_code: "200".into(),
            response_parameters: Default::default(),
            response_models: [("application/json".to_owned(), "Shown".to_owned())].into(),
        };
        method.method_responses.insert("200".into(), shown);
        let mut told = |name: &str| delete(&mut definition, name).map_err(|error| (error.status, error.message));
        assert_eq!(
            told("Pets").unwrap_err(),
            (409, "Cannot delete model 'Pets', is referenced in method request: //GET".into())
        );
        assert_eq!(
            told("Shown").unwrap_err(),
            (409, "Cannot delete model 'Shown', is referenced in method response: //GET".into())
        );
        assert_eq!(told("Pet").unwrap_err(), (409, "Cannot delete model 'Pet', is referenced in model: Pets".into()));
        told("Answer").unwrap();
        assert_eq!(told("Answer").unwrap_err(), (404, "Invalid model name specified: Answer".into()));
    }
}
