//! The expressions by which requests and answers are mapped, as far as it can
//! be told when they are put whether they are any.

use std::collections::BTreeMap;

use keyplan_domain::api::MethodResponse;
use keyplan_domain::route::{ANY, VERBS};
use keyplan_domain::template::{Template, Unsupported};
use keyplan_wire::error::{ApiError, Violation};

/// Whether templates are such as the gateway evaluates: text and plain
/// references.
///
/// # Errors
/// When one holds more, a Velocity directive for example.
pub(super) fn check_templates<'a>(templates: impl IntoIterator<Item = (&'a String, &'a str)>) -> Result<(), ApiError> {
    for (content_type, template) in templates {
        Template::mapping(template).map_err(|Unsupported(what)| {
            ApiError::bad_request(format!(
                "Keyplan does not evaluate the template of {content_type}, which holds {what}. Only text and the \
                 references $context, $stageVariables and $input are supported."
            ))
        })?;
    }
    Ok(())
}

/// Whether parameters are named `{prefix}.{place}.{name}`: `method.request`,
/// for example, has the places `header`, `querystring` and `path`.
pub(super) fn check_names<'a>(
    names: impl IntoIterator<Item = &'a String>,
    prefix: &str,
    places: &[&str],
) -> Result<(), ApiError> {
    for name in names {
        place_and_name(name, prefix).filter(|(place, _)| places.contains(place)).ok_or_else(|| invalid(name))?;
    }
    Ok(())
}

/// Whether what parameters are filled from is a literal or begins with one of
/// `sources`.
pub(super) fn check_sources(parameters: &BTreeMap<String, String>, sources: &[&str]) -> Result<(), ApiError> {
    for source in parameters.values() {
        let literal = source.len() >= 2 && source.starts_with('\'') && source.ends_with('\'');
        let reference = sources.iter().any(|start| source.len() > start.len() && source.starts_with(start));
        if !literal && !reference {
            return Err(invalid(source));
        }
    }
    Ok(())
}

/// Whether a method that `declared` its parameters has those that an integration
/// is filled from. Its body needs no declaration.
pub(super) fn check_declared_in_request(
    mapped: &BTreeMap<String, String>,
    declared: &BTreeMap<String, bool>,
) -> Result<(), ApiError> {
    for source in mapped.values() {
        let Some((place, name)) = place_and_name(source, "method.request").filter(|(place, _)| *place != "body") else {
            continue;
        };
        let place = place.strip_prefix("multivalue").unwrap_or(place);
        let is_declared = |parameter: &String| {
            place_and_name(parameter, "method.request").is_some_and(|(of_place, of_name)| {
                let is_name = if place == "header" { name.eq_ignore_ascii_case(of_name) } else { name == of_name };
                place == of_place && is_name
            })
        };
        if !declared.keys().any(is_declared) {
            return Err(invalid(source));
        }
    }
    Ok(())
}

/// Whether the method's response of the same status has the headers that an
/// integration's response fills.
pub(super) fn check_declared_in_response(
    mapped: &BTreeMap<String, String>,
    declared: Option<&MethodResponse>,
) -> Result<(), ApiError> {
    if mapped.is_empty() {
        return Ok(());
    }
    let Some(declared) = declared else {
        return Err(ApiError::bad_request(
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [No method response \
             exists for method.]",
        ));
    };
    match mapped.keys().find(|header| !declared.response_parameters.contains_key(*header)) {
        None => Ok(()),
        Some(unknown) => Err(invalid(unknown)),
    }
}

/// The place and the name of a parameter, both there.
pub(super) fn place_and_name<'a>(parameter: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let (place, name) = parameter.strip_prefix(prefix)?.strip_prefix('.')?.split_once('.')?;
    (!name.is_empty()).then_some((place, name))
}

fn invalid(expression: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression \
         parameter specified: {expression}]"
    ))
}

/// A verb of a method, or of a call of a backend.
pub(super) fn check_verb(verb: &str) -> Result<(), ApiError> {
    if verb == ANY || VERBS.contains(&verb) {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY",
    ))
}

/// A status code: three digits, the first 1 to 5.
pub(super) fn check_status(status: &str) -> Result<(), ApiError> {
    match status.as_bytes() {
        [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => Ok(()),
        _ => Err(ApiError::validation(Violation::status_code(status))),
    }
}

/// What API Gateway calls `ContentHandlingStrategy`; `member` is the path of
/// the member in the input.
pub(super) fn content_handling(given: Option<String>, member: &str) -> Result<Option<String>, ApiError> {
    const STRATEGIES: [&str; 2] = ["CONVERT_TO_BINARY", "CONVERT_TO_TEXT"];
    match given.filter(|strategy| !strategy.is_empty()) {
        Some(other) if !STRATEGIES.contains(&other.as_str()) => {
            Err(ApiError::validation(Violation::not_in(&other, member, &STRATEGIES)))
        }
        strategy => Ok(strategy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gateway_cannot_evaluate_is_refused_when_it_is_put() {
        let json = "application/json".to_owned();
        let check = |template: &str| check_templates([(&json, template)]).map_err(|error| error.message);
        for fine in ["", r#"{"statusCode": 200}"#, "$input.json('$')", "# 1", "#fff", "$context.requestId #"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        assert_eq!(
            check("#set($x = 1)").unwrap_err(),
            "Keyplan does not evaluate the template of application/json, which holds a Velocity directive. Only text \
             and the references $context, $stageVariables and $input are supported."
        );
        for wrong in ["a #if($x) b #end", "## comment", "$util.escapeJavaScript('x')", "$input.path('$.a')"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_parameter_is_named_by_its_place() {
        const PLACES: [&str; 3] = ["header", "querystring", "path"];
        let check = |name: &str| check_names([&name.to_owned()], "method.request", &PLACES);
        assert!(check("method.request.header.x-a.b").is_ok());
        for wrong in [
            "",
            "x",
            "method.request.body.x",
            "method.request.header",
            "method.request.header.",
            "method.response.header.x",
        ] {
            assert_eq!(
                check(wrong).unwrap_err().message,
                format!(
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping \
                     expression parameter specified: {wrong}]"
                )
            );
        }
    }

    #[test]
    fn a_source_is_a_literal_or_a_known_reference() {
        let check = |source: &str| {
            let parameters = BTreeMap::from([("x".to_owned(), source.to_owned())]);
            check_sources(&parameters, &["method.request.", "context."]).is_ok()
        };
        assert!(check("'literal'") && check("''") && check("method.request.header.x") && check("context.requestId"));
        assert!(!check("'") && !check("literal") && !check("context.") && !check("integration.response.header.x"));
    }

    #[test]
    fn a_status_is_of_three_digits() {
        assert!(check_status("200").is_ok() && check_status("599").is_ok());
        for wrong in ["", "wrong", "99", "600", "2xx", "2000", "٢٠٠"] {
            assert_eq!(check_status(wrong).unwrap_err().kind, "ValidationException", "{wrong}");
        }
    }

    fn parameters<T: Clone>(names: &[&str], value: &T) -> BTreeMap<String, T> {
        names.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_an_integration_is_filled_from_is_declared_by_its_method() {
        let declared = parameters(
            &["method.request.header.X-A", "method.request.path.proxy", "method.request.querystring.q"],
            &false,
        );
        for source in [
            "method.request.header.x-a",
            "method.request.multivalueheader.X-A",
            "method.request.path.proxy",
            "method.request.querystring.q",
            "method.request.body",
            "method.request.body.a.b",
            "context.apiId",
            "stageVariables.v",
            "'literal'",
        ] {
            let mapped = BTreeMap::from([("integration.request.header.a".to_owned(), source.to_owned())]);
            assert_eq!(check_declared_in_request(&mapped, &declared), Ok(()), "{source}");
        }
        for source in ["method.request.header.q", "method.request.path.Proxy", "method.request.querystring.Q"] {
            let mapped = BTreeMap::from([("integration.request.header.a".to_owned(), source.to_owned())]);
            assert_eq!(
                check_declared_in_request(&mapped, &declared).unwrap_err().message,
                format!(
                    "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping \
                     expression parameter specified: {source}]"
                )
            );
        }
    }

    #[test]
    fn what_an_integrations_response_fills_is_declared_by_its_method() {
        let filled = parameters(&["method.response.header.a"], &"'1'".to_owned());
        let response = |names: &[&str]| MethodResponse {
            status_code: "200".into(),
            response_parameters: parameters(names, &true),
            response_models: BTreeMap::new(),
        };
        assert_eq!(check_declared_in_response(&filled, Some(&response(&["method.response.header.a"]))), Ok(()));
        assert_eq!(check_declared_in_response(&BTreeMap::new(), None), Ok(()));
        let told =
            |declared: Option<&MethodResponse>| check_declared_in_response(&filled, declared).unwrap_err().message;
        assert!(told(None).ends_with("errors : [No method response exists for method.]"));
        assert!(
            told(Some(&response(&["method.response.header.A"])))
                .ends_with("[Invalid mapping expression parameter specified: method.response.header.a]")
        );
    }
}
