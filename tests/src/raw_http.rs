//! Bytes over a socket, for requests that no client would send.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::Answer;

const PATIENCE: Duration = Duration::from_secs(30);

/// Sends bytes over a connection of their own, and nothing after them, and
/// gives every answer that comes before the other side hangs up; none where it
/// just does that.
///
/// # Panics
/// When there is no connection, the other side does not hang up, or what comes
/// is not HTTP.
#[must_use]
pub fn answers(url: &str, sent: &[u8]) -> Vec<Answer> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    // A server may well refuse before it has read all; its answer counts then.
    let _ = stream.write_all(sent);
    let _ = stream.shutdown(Shutdown::Write);
    let mut received = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => received.extend_from_slice(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error}: the other side does not hang up"),
        }
    }
    parse(&received)
}

fn parse(mut received: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {head:?}"));
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        received = &received[end + 4..];
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let length = if status == 100 { 0 } else { received.len().min(length) };
        let body = String::from_utf8_lossy(&received[..length]).into_owned();
        received = &received[length..];
        answers.push(Answer { status, headers, body });
    }
    assert!(received.is_empty(), "no HTTP: {:?}", String::from_utf8_lossy(received));
    answers
}
