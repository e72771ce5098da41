//! How large a request may be.

use keyplan_domain::refusal::Refusal;

use crate::request::Request;

/// Bytes of the request line and all header names and values together (API
/// Gateway quotas for REST APIs, "Total combined size of request line and
/// header values").
pub const MAX_HEADER_BYTES: usize = 10_240;

/// Bytes of a body (the same page, "Payload size").
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

pub(crate) fn check(request: &Request) -> Result<(), Refusal> {
    let line = line_bytes(request);
    if line > MAX_HEADER_BYTES {
        return Err(Refusal::UriTooLong);
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if line + headers > MAX_HEADER_BYTES || request.body.len() > MAX_BODY_BYTES {
        return Err(Refusal::RequestTooLarge);
    }
    Ok(())
}

/// `GET /path?query HTTP/1.1`
fn line_bytes(request: &Request) -> usize {
    let query = if request.query.is_empty() { 0 } else { 1 + request.query.len() };
    request.method.as_str().len() + 1 + request.path.len() + query + 1 + request.protocol.len()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::testing::request;

    #[test]
    fn a_head_of_more_than_10_240_bytes_is_too_large() {
        let mut request = request("GET", "/");
        let longest = "x".repeat(MAX_HEADER_BYTES - "GET / HTTP/1.1".len() - "big".len());
        request.headers.insert("big", HeaderValue::from_str(&longest).unwrap());
        assert_eq!(check(&request), Ok(()));
        request.headers.insert("big", HeaderValue::from_str(&(longest + "x")).unwrap());
        assert_eq!(check(&request), Err(Refusal::RequestTooLarge));
    }

    #[test]
    fn a_request_line_of_more_than_10_240_bytes_is_too_long() {
        let path = "x".repeat(MAX_HEADER_BYTES - "GET / HTTP/1.1".len());
        assert_eq!(check(&request("GET", &format!("/{path}"))), Ok(()));
        assert_eq!(check(&request("GET", &format!("/{path}x"))), Err(Refusal::UriTooLong));
        let (path, query) = path.split_at(100);
        assert_eq!(check(&request("GET", &format!("/{path}?{}", &query[1..]))), Ok(()));
        assert_eq!(check(&request("GET", &format!("/{path}?{query}"))), Err(Refusal::UriTooLong));
    }

    #[test]
    fn a_body_of_more_than_10_mb_is_too_large() {
        let mut request = request("POST", "/");
        request.body = vec![0; MAX_BODY_BYTES].into();
        assert_eq!(check(&request), Ok(()));
        request.body = vec![0; MAX_BODY_BYTES + 1].into();
        assert_eq!(check(&request), Err(Refusal::RequestTooLarge));
    }
}
