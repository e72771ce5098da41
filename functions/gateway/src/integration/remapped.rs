use http::header::HeaderName;

/// A header of a backend's answer as the client gets it; `None` for one of the
/// connection, which is not the backend's to set. (Developer guide, "Amazon API
/// Gateway important notes": headers that are remapped.)
pub(super) fn header(name: &HeaderName) -> Option<HeaderName> {
    const DROPPED: [&str; 6] = ["keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade"];
    const REMAPPED: [&str; 7] =
        ["connection", "content-length", "date", "host", "server", "www-authenticate", "x-amzn-requestid"];
    if DROPPED.contains(&name.as_str()) {
        return None;
    }
    if REMAPPED.contains(&name.as_str()) {
        return format!("x-amzn-remapped-{name}").parse().ok();
    }
    Some(name.clone())
}
