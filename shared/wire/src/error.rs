//! How the control plane refuses: a status, the exception's name for the
//! header `x-amzn-ErrorType`, and a message.

use serde::Serialize;

/// An error of the control plane, as its clients see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The exception, for `x-amzn-ErrorType`: `NotFoundException`.
    pub kind: &'static str,
    /// What went wrong, for a human. Nothing secret stands in it.
    pub message: String,
}

/// The body of an [`ApiError`].
#[derive(Serialize)]
pub struct ErrorBody<'a> {
    message: &'a str,
}

impl ApiError {
    /// An error of any kind.
    pub fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// 400: the input is not what it must be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestException", message)
    }

    /// 404: what the path names does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NotFoundException", message)
    }

    /// 409: what exists already, or changes meanwhile, stands in the way.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ConflictException", message)
    }

    /// 409: others changed the same thing, again and again.
    #[must_use]
    pub fn concurrent_modification() -> Self {
        Self::conflict("Unable to complete operation due to concurrent modification. Please try again later.")
    }

    /// 400: the body is not JSON, or a member has the wrong JSON type.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    /// 403, for everything that is wrong with a signature.
    pub fn forbidden(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, kind, message)
    }

    /// 400: an operation of API Gateway that Keyplan does not have.
    #[must_use]
    pub fn unsupported_operation(operation: &str) -> Self {
        Self::bad_request(format!("Keyplan does not support {operation}."))
    }

    /// 400: one violated constraint. See [`Violations`] for several.
    #[must_use]
    pub fn validation(violation: Violation) -> Self {
        let mut violations = Violations::default();
        violations.push(violation);
        violations.into_error()
    }

    /// The body that goes with the error.
    #[must_use]
    pub fn body(&self) -> ErrorBody<'_> {
        ErrorBody { message: &self.message }
    }
}

/// One constraint of API Gateway's model that a request violates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl Violation {
    /// A member whose value is none of those allowed, which the text lists in
    /// the order given. `member` is its path: `createRestApiInput.apiKeySource`.
    #[must_use]
    pub fn not_in(value: &str, member: &str, allowed: &[&str]) -> Self {
        Self(format!(
            "Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            allowed.join(", ")
        ))
    }

    /// A list, one of whose values is none of those allowed.
    #[must_use]
    pub fn list_not_in(values: &[String], member: &str, allowed: &[&str]) -> Self {
        Self(format!(
            "Value '[{}]' at '{member}' failed to satisfy constraint: Member must satisfy constraint: \
             [Member must satisfy enum value set: [{}]]",
            values.join(", "),
            allowed.join(", ")
        ))
    }

    /// A required member that is not there.
    #[must_use]
    pub fn missing(member: &str) -> Self {
        Self(format!("Value null at '{member}' failed to satisfy constraint: Member must not be null"))
    }

    /// A status code of something else than three digits.
    #[must_use]
    pub fn status_code(value: &str) -> Self {
        Self(format!(
            r"Value '{value}' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d"
        ))
    }
}

/// Violations of one request, which are told all at once.
#[derive(Clone, Debug, Default)]
pub struct Violations(Vec<String>);

impl Violations {
    /// Adds one.
    pub fn push(&mut self, violation: Violation) {
        self.0.push(violation.0);
    }

    /// Nothing, if none was found.
    ///
    /// # Errors
    /// `ValidationException` with all that were.
    pub fn check(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_error()) }
    }

    fn into_error(self) -> ApiError {
        let errors = if self.0.len() == 1 { "error" } else { "errors" };
        ApiError::new(
            400,
            "ValidationException",
            format!("{} validation {errors} detected: {}", self.0.len(), self.0.join("; ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_violations_are_told_at_once() {
        let mut violations = Violations::default();
        violations.push(Violation::not_in(
            "wrong",
            "createRestApiInput.endpointConfiguration.ipAddressType",
            &["ipv4", "dualstack"],
        ));
        violations.push(Violation::list_not_in(
            &["wrong".to_owned()],
            "createRestApiInput.endpointConfiguration.types",
            &["PRIVATE", "EDGE", "REGIONAL"],
        ));
        let error = violations.check().unwrap_err();
        assert_eq!((error.status, error.kind), (400, "ValidationException"));
        assert_eq!(
            error.message,
            "2 validation errors detected: Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' \
             failed to satisfy constraint: Member must satisfy enum value set: [ipv4, dualstack]; Value '[wrong]' at \
             'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
        );
    }

    #[test]
    fn one_violation_is_an_error_in_the_singular() {
        let error = ApiError::validation(Violation::status_code("wrong"));
        assert_eq!(
            error.message,
            r"1 validation error detected: Value 'wrong' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\d\d"
        );
    }
}
