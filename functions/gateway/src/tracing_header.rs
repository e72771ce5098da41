//! The tracing header `X-Amzn-Trace-Id`, by which whoever is called next is part
//! of the caller's trace (X-Ray Developer Guide, "X-Ray concepts", "Tracing
//! header"). API Gateway passes on the one that a caller sends (developer guide,
//! "Trace user requests to REST APIs using X-Ray"). Lambda gives each invocation
//! one of its own: in the caller's trace, if it knows of it, and with the
//! invocation as the parent of what is called.

use http::{HeaderName, HeaderValue};

use crate::Request;

pub(crate) const NAME: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What backends and events of functions carry: the caller's, or the
/// invocation's where that is of the same trace or the caller sends none.
pub(crate) fn passed_on(request: &Request) -> Option<&str> {
    let own = request.tracing_header.as_deref().filter(|own| HeaderValue::from_str(own).is_ok());
    match (request.header(NAME.as_str()), own) {
        (Some(sent), Some(own)) if root(sent) == root(own) => Some(own),
        (sent, own) => sent.or(own),
    }
}

/// What goes with a call of Lambda: the invocation's, by which Lambda also
/// notices functions that call each other in a circle, or the caller's where
/// there is none.
pub(crate) fn of_call(request: &Request) -> Option<HeaderValue> {
    let header = request.tracing_header.as_deref().or_else(|| request.header(NAME.as_str()))?;
    HeaderValue::from_str(header).ok()
}

/// `1-67891233-abcdef012345678912345678`
fn root(header: &str) -> Option<&str> {
    header.split(';').find_map(|field| field.trim().strip_prefix("Root="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::request;

    const SENT: &str = "Root=1-67891233-abcdef012345678912345678";
    const OWN: &str = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:0a1b2c3d:0";
    const OTHER: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0";

    fn told(sent: Option<&str>, own: Option<&str>) -> (Option<String>, Option<String>) {
        let mut request = sent.into_iter().fold(request("GET", "/"), |request, sent| request.with(NAME.as_str(), sent));
        request.tracing_header = own.map(str::to_owned);
        let of_call = of_call(&request).map(|header| header.to_str().unwrap().to_owned());
        (passed_on(&request).map(str::to_owned), of_call)
    }

    fn both(passed_on: &str, of_call: &str) -> (Option<String>, Option<String>) {
        (Some(passed_on.to_owned()), Some(of_call.to_owned()))
    }

    #[test]
    fn a_callers_trace_goes_on_from_the_invocation_that_is_part_of_it() {
        assert_eq!(told(Some(SENT), Some(OWN)), both(OWN, OWN));
    }

    #[test]
    fn another_trace_than_the_invocations_is_passed_on_to_backends() {
        assert_eq!(told(Some(SENT), Some(OTHER)), both(SENT, OTHER));
        assert_eq!(told(Some("Self=1"), Some(OTHER)), both("Self=1", OTHER));
    }

    #[test]
    fn one_of_both_will_do() {
        assert_eq!(told(Some(SENT), None), both(SENT, SENT));
        assert_eq!(told(None, Some(OWN)), both(OWN, OWN));
        assert_eq!(told(None, None), (None, None));
    }

    #[test]
    fn what_can_be_no_header_is_left_out() {
        assert_eq!(told(None, Some("Root=1\n")), (None, None));
    }
}
