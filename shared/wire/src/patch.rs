//! Patch operations: how `update-*` says what to change, and the several ways
//! in which API Gateway refuses it.

use serde::Deserialize;

use crate::error::{ApiError, Violation, Violations};
use crate::input;

/// What a patch operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Adds to a list or a map, or sets.
    Add,
    /// Removes.
    Remove,
    /// Sets.
    Replace,
    /// Of JSON Patch, but of no use in API Gateway.
    Move,
    /// Promotes a canary.
    Copy,
    /// Of JSON Patch, but of no use in API Gateway.
    Test,
}

impl Op {
    /// In the order in which validation errors list them.
    const ALL: [Self; 6] = [Self::Add, Self::Remove, Self::Move, Self::Test, Self::Replace, Self::Copy];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Test => "test",
        }
    }
}

/// One operation of a patch. All of a patch apply, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchOperation {
    /// What to do.
    pub op: Op,
    /// Where: a JSON pointer as it was sent; `None` when none was.
    pub path: Option<String>,
    /// With what. Always a string on the wire, whatever it stands for.
    pub value: Option<String>,
    /// From where, for a copy.
    pub from: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Patch {
    patch_operations: Option<Vec<RawOperation>>,
}

#[derive(Deserialize)]
struct RawOperation {
    op: Option<String>,
    path: Option<String>,
    value: Option<String>,
    from: Option<String>,
}

/// Reads the body of an `update-*` call. `input` is the operation's input as
/// validation errors name it: `updateRestApiInput`.
///
/// # Errors
/// `SerializationException` when the body is none, `ValidationException` when
/// an `op` is unknown or absent.
pub fn parse(body: &[u8], input: &str) -> Result<Vec<PatchOperation>, ApiError> {
    let patch: Patch = input::from_json(body)?;
    let mut violations = Violations::default();
    let mut operations = Vec::new();
    for (index, raw) in patch.patch_operations.unwrap_or_default().into_iter().enumerate() {
        let member = format!("{input}.patchOperations.{}.member.op", index + 1);
        match raw.op.as_deref().map(|name| (name, Op::ALL.into_iter().find(|op| op.as_str() == name))) {
            Some((_, Some(op))) => {
                operations.push(PatchOperation { op, path: raw.path, value: raw.value, from: raw.from });
            }
            Some((name, None)) => violations.push(Violation::not_in(name, &member, &Op::ALL.map(Op::as_str))),
            None => violations.push(Violation::missing(&member)),
        }
    }
    violations.check().map(|()| operations)
}

impl PatchOperation {
    /// The path's segments, unescaped: `~1` stands for `/` and `~0` for `~`.
    /// A path without a slash first has none.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        match self.path.as_deref().and_then(|path| path.strip_prefix('/')) {
            Some(rest) => rest.split('/').map(unescape).collect(),
            None => Vec::new(),
        }
    }

    /// The value, or nothing if it is empty: API Gateway takes an empty string
    /// for none.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.value.as_deref().filter(|value| !value.is_empty())
    }

    /// The value as Java's `parseBoolean` reads it: only `true`, in any case,
    /// is true, and nothing is an error.
    #[must_use]
    pub fn boolean(&self) -> bool {
        self.value.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn shown_path(&self) -> &str {
        self.path.as_deref().unwrap_or("null")
    }

    /// `Invalid patch path  '/id' specified for op 'replace'. Must be one of:
    /// [...]`: what API keys, resources and, by our choice, plans, usage,
    /// authorizers and the account answer to a path that they do not have.
    #[must_use]
    pub fn unknown_path(&self, supported: &[&str]) -> ApiError {
        ApiError::bad_request(format!(
            "Invalid patch path  '{}' specified for op '{}'. Must be one of: [{}]",
            self.shown_path(),
            self.op.as_str(),
            supported.join(", ")
        ))
    }

    /// `Invalid patch path  '/pathPart' specified for op 'remove'. Please
    /// choose supported operations`: the same, for a path that has other
    /// operations.
    #[must_use]
    pub fn unsupported_op(&self) -> ApiError {
        ApiError::bad_request(format!(
            "Invalid patch path  '{}' specified for op '{}'. Please choose supported operations",
            self.shown_path(),
            self.op.as_str()
        ))
    }

    /// `Invalid patch path /binaryMediaTypes`: what REST APIs, methods, their
    /// responses and gateway responses answer to a path that they do not have.
    #[must_use]
    pub fn invalid_path(&self) -> ApiError {
        ApiError::bad_request(format!("Invalid patch path {}", self.shown_path()))
    }

    /// `Invalid patch operation specified. Must be one of: [replace]`: what
    /// REST APIs and methods answer to another operation on a scalar.
    ///
    /// # Errors
    /// When the operation is not a replacement.
    pub fn only_replace(&self) -> Result<(), ApiError> {
        if self.op == Op::Replace {
            return Ok(());
        }
        Err(ApiError::bad_request("Invalid patch operation specified. Must be one of: [replace]"))
    }

    /// `Invalid patch operation specified. Must be 'add'|'remove'|'replace'`:
    /// the same, for members that have all three.
    ///
    /// # Errors
    /// When the operation is none of the three.
    pub fn add_remove_or_replace(&self) -> Result<(), ApiError> {
        if matches!(self.op, Op::Add | Op::Remove | Op::Replace) {
            return Ok(());
        }
        Err(ApiError::bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'"))
    }
}

/// `~0` last, so that `~01` comes out as `~1` (RFC 6901, section 4).
fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// A segment as it stands in a pointer.
#[must_use]
pub fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(path: &str, value: &str) -> PatchOperation {
        PatchOperation { op: Op::Replace, path: Some(path.into()), value: Some(value.into()), from: None }
    }

    #[test]
    fn a_patch_is_read_as_the_cli_sends_it() {
        let body = br#"{"patchOperations":[{"op":"replace","path":"/name","value":"n"},{"op":"remove","path":"/x"}]}"#;
        let operations = parse(body, "updateApiKeyInput").unwrap();
        assert_eq!(
            operations,
            [
                replace("/name", "n"),
                PatchOperation { op: Op::Remove, path: Some("/x".into()), value: None, from: None }
            ]
        );
        assert_eq!(parse(b"{}", "updateApiKeyInput"), Ok(Vec::new()));
    }

    #[test]
    fn an_unknown_op_is_told_with_its_place_from_1() {
        let body = br#"{"patchOperations":[{"op":"wrong","path":"/name","value":"n"}]}"#;
        assert_eq!(
            parse(body, "updateRestApiInput").unwrap_err().message,
            "1 validation error detected: Value 'wrong' at 'updateRestApiInput.patchOperations.1.member.op' failed to \
             satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]"
        );
    }

    #[test]
    fn a_value_is_a_string() {
        let error = parse(br#"{"patchOperations":[{"op":"add","path":"/x","value":true}]}"#, "x").unwrap_err();
        assert_eq!(error.kind, "SerializationException");
        assert_eq!(error.message, "class java.lang.Boolean can not be converted to an String");
    }

    #[test]
    fn segments_are_unescaped_after_they_are_split() {
        assert_eq!(
            replace("/apiStages/a:s/throttle/~1pets~1{id}/GET", "").segments(),
            ["apiStages", "a:s", "throttle", "/pets/{id}", "GET"]
        );
        assert_eq!(replace("/~01/~1", "").segments(), ["~1", "/"]);
        assert_eq!(escape("~1/x"), "~01~1x");
        assert!(replace("name", "").segments().is_empty());
        assert!(PatchOperation { path: None, ..replace("", "") }.segments().is_empty());
    }

    #[test]
    fn only_true_is_true_and_in_any_case() {
        assert!(replace("/enabled", "TRUE").boolean());
        assert!(!replace("/enabled", "not-a-boolean").boolean());
    }

    #[test]
    fn each_dialect_has_its_own_words() {
        let id = replace("/id", "x");
        assert_eq!(
            id.unknown_path(&["/description", "/enabled", "/name", "/customerId"]).message,
            "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]"
        );
        assert_eq!(
            PatchOperation { op: Op::Remove, ..replace("/pathPart", "x") }.unsupported_op().message,
            "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations"
        );
        assert_eq!(PatchOperation { path: None, ..id.clone() }.invalid_path().message, "Invalid patch path null");
        assert!(id.only_replace().is_ok());
        let test = PatchOperation { op: Op::Test, ..id };
        assert_eq!(
            test.only_replace().unwrap_err().message,
            "Invalid patch operation specified. Must be one of: [replace]"
        );
        assert_eq!(
            test.add_remove_or_replace().unwrap_err().message,
            "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"
        );
    }
}
