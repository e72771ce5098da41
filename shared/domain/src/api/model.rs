use serde::{Deserialize, Serialize};

/// A model of a REST API: the schema of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Six characters.
    pub id: String,
    /// Letters and digits; unique within the API, and what methods name it by.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON schema (draft 4), as the text it was given as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The media type of what it describes.
    pub content_type: String,
}

/// How a schema refers to another model of its API:
/// `https://apigateway.amazonaws.com/restapis/{api}/models/{name}` (Developer
/// guide, "Data models for REST APIs").
const MODELS: &str = "https://apigateway.amazonaws.com/restapis/";

impl Model {
    /// The URL by which schemas refer to a model.
    #[must_use]
    pub fn reference(api: &str, name: &str) -> String {
        format!("{MODELS}{api}/models/{name}")
    }

    /// The name of the model that a schema's `$ref` refers to, of whichever API it
    /// says that it is: an API that was copied keeps the references of the other.
    #[must_use]
    pub fn referred_to(reference: &str) -> Option<&str> {
        let (_api, name) = reference.strip_prefix(MODELS)?.split_once("/models/")?;
        Some(name)
    }

    /// The models that every API begins with, `Empty` and `Error`.
    #[must_use]
    pub fn defaults(ids: [String; 2]) -> [Self; 2] {
        let [empty, error] = ids;
        let model = |id, name: &str, description: &str, schema: &str| Self {
            id,
            name: name.to_owned(),
            description: Some(description.to_owned()),
            schema: Some(schema.to_owned()),
            content_type: "application/json".to_owned(),
        };
        [
            model(empty, "Empty", "This is a default empty schema model", EMPTY),
            model(error, "Error", "This is a default error schema model", ERROR),
        ]
    }
}

const EMPTY: &str = r#"{
  "$schema": "http://json-schema.org/draft-04/schema#",
  "title" : "Empty Schema",
  "type" : "object"
}"#;

const ERROR: &str = r#"{
  "$schema" : "http://json-schema.org/draft-04/schema#",
  "title" : "Error Schema",
  "type" : "object",
  "properties" : {
    "message" : { "type" : "string" }
  }
}"#;

/// What of a request a method has checked before its integration is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestValidator {
    /// Six characters.
    pub id: String,
    /// Names need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The body, by the model of its media type.
    pub validate_request_body: bool,
    /// Whether required parameters are there.
    pub validate_request_parameters: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_model_of_any_api() {
        let url = Model::reference("abcdefghij", "Pet");
        assert_eq!(url, "https://apigateway.amazonaws.com/restapis/abcdefghij/models/Pet");
        assert_eq!(Model::referred_to(&url), Some("Pet"));
        for other in ["Pet", "#/definitions/Pet", "https://example.com/restapis/abcdefghij/models/Pet"] {
            assert_eq!(Model::referred_to(other), None, "{other}");
        }
    }
}
