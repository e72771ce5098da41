use keyplan_domain::api;
use keyplan_domain::refusal::Refusal;

use super::request_template::RequestTemplates;
use super::response::IntegrationResponses;
use crate::Response;
use crate::exchange::Exchange;
use keyplan_domain::template::{Template, Unsupported};

/// A method without a backend: its request template names a status, by which
/// the response is chosen (developer guide, "Mock integrations for REST APIs").
pub(crate) struct Mock {
    requests: RequestTemplates<Status>,
    responses: IntegrationResponses,
}

/// What a request template says of the status.
enum Status {
    /// Always the same, read once; `None` is none.
    Fixed(Option<u16>),
    /// Something that depends on the request.
    Rendered(Template),
}

impl Status {
    fn of(template: Template) -> Self {
        match template {
            Template::Fixed(text) => Self::Fixed(status_code(&text)),
            template => Self::Rendered(template),
        }
    }
}

impl Mock {
    pub(super) fn compile(integration: &api::Integration) -> Result<Self, &'static str> {
        Ok(Self {
            requests: RequestTemplates::compile(integration, Status::of).map_err(|Unsupported(what)| what)?,
            responses: IntegrationResponses::compile(integration)?,
        })
    }

    pub(super) fn call(&self, exchange: &Exchange<'_>) -> Result<Response, Refusal> {
        const NO_STATUS: Refusal =
            Refusal::IntegrationNotInvoked { reason: "the mock's request template gives no integer statusCode" };
        const NO_RESPONSE: Refusal =
            Refusal::IntegrationNotInvoked { reason: "no integration response is for the mock's statusCode" };
        let status = match self.requests.pick(exchange.request.content_type())? {
            Some(Status::Fixed(status)) => *status,
            Some(Status::Rendered(template)) => status_code(&template.render(exchange)),
            None => status_code(&exchange.request.body),
        };
        self.responses.answer(status.ok_or(NO_STATUS)?, exchange).ok_or(NO_RESPONSE)
    }
}

/// `statusCode` of an object. API Gateway reads it leniently: its own examples
/// and the CDK's CORS methods write `{ statusCode: 200 }`, with or without
/// quotes of either kind.
fn status_code(text: &[u8]) -> Option<u16> {
    const NAME: &str = "statusCode";
    let text = std::str::from_utf8(text).ok()?.trim();
    let members = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut depth = 0_u32;
    let mut quote = None;
    let mut escaped = false;
    let mut expects_name = true;
    for (at, letter) in members.char_indices() {
        if let Some(open) = quote {
            match letter {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if letter == open => quote = None,
                _ => {}
            }
            continue;
        }
        if expects_name && depth == 0 && !letter.is_whitespace() {
            expects_name = false;
            if let Some(status) = member(&members[at..], NAME) {
                return number(status);
            }
        }
        match letter {
            '"' | '\'' => quote = Some(letter),
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            ',' => expects_name = true,
            _ => {}
        }
    }
    None
}

/// What follows `name:` at the beginning of `text`.
fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let quote = text.chars().next().filter(|letter| matches!(letter, '"' | '\''));
    let rest = match quote {
        Some(quote) => text[1..].strip_prefix(name)?.strip_prefix(quote)?,
        None => text.strip_prefix(name)?,
    };
    rest.trim_start().strip_prefix(':')
}

/// The integer at the beginning of `text`, with nothing but the next member behind it.
fn number(text: &str) -> Option<u16> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let rest = rest.trim_start();
    if rest.is_empty() || rest.starts_with(',') { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_code_is_read_as_leniently_as_api_gateway_reads_it() {
        for (text, status) in [
            ("{\"statusCode\": 200}", 200),
            ("{ statusCode: 204 }", 204),
            ("{'statusCode':404,}", 404),
            ("\n{\"a\": \"statusCode: 1, }\", \"statusCode\" : 500 , \"b\": 1}\n", 500),
            ("{\"nested\": {\"statusCode\": 1, \"x\": [2]}, \"statusCode\": 201}", 201),
            ("{\"a\\\"\": 1, \"statusCode\": 202}", 202),
        ] {
            assert_eq!(status_code(text.as_bytes()), Some(status), "{text}");
        }
    }

    #[test]
    fn whatever_is_no_integer_is_no_status() {
        for text in [
            "",
            "{}",
            "200",
            "{\"statusCode\": \"200\"}",
            "{\"statusCode\": 200.5}",
            "{\"statusCode\": }",
            "{\"statusCode\": 99999}",
            "{\"statusCodes\": 200}",
            "{\"x\": {\"statusCode\": 200}}",
            "{\"statusCode\" 200}",
        ] {
            assert_eq!(status_code(text.as_bytes()), None, "{text}");
        }
    }
}
