//! Requests over connections that stay open, the next as soon as the last is
//! answered: a load generator that costs little beside what it measures.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stopwatch::Stopwatch;

/// A request, encoded once, and the status that is its answer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    request: Vec<u8>,
    expected: u16,
}

impl Call {
    /// A GET of `path`.
    pub(crate) fn get(path: &str, headers: &[(&str, &str)], expected: u16) -> Self {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        Self { request: request.into_bytes(), expected }
    }
}

/// What came of it, over all connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Answers of another status than was expected.
    pub(crate) unexpected: u64,
    /// Requests whose connection ended before their answer.
    pub(crate) dropped: u64,
    elapsed: Duration,
}

impl Tally {
    pub(crate) fn per_second(&self) -> f64 {
        count(self.answered) / self.elapsed.as_secs_f64()
    }

    /// Answers that are a failure of the server's.
    pub(crate) fn failures(&self) -> u64 {
        self.statuses.range(500..).map(|(_, count)| count).sum()
    }

    fn add(&mut self, other: &Self) {
        self.answered += other.answered;
        self.unexpected += other.unexpected;
        self.dropped += other.dropped;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
    }
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "nothing is counted up to 2^52")]
pub(crate) fn count(of: u64) -> f64 {
    of as f64
}

/// Sends `calls` in turns over each of so many connections for a time. Each
/// begins at another call, so that all calls are under way at once.
pub(crate) async fn drive(
    address: SocketAddr,
    connections: usize,
    calls: &Arc<[Call]>,
    time: Duration,
) -> io::Result<Tally> {
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let stopwatch = Stopwatch::start();
    let mut tasks = JoinSet::new();
    for (number, connection) in opened.into_iter().enumerate() {
        let first = number * calls.len() / connections;
        tasks.spawn(connection.repeat(address, calls.clone(), first, stopwatch, time));
    }
    let mut tally = Tally::default();
    while let Some(one) = tasks.join_next().await {
        tally.add(&one.map_err(io::Error::other)??);
    }
    tally.elapsed = stopwatch.elapsed();
    Ok(tally)
}

/// Bytes of one answer to `call`, head included.
pub(crate) async fn size_of_answer(address: SocketAddr, call: &Call) -> io::Result<usize> {
    Ok(Connection::open(address).await?.exchange(&call.request).await?.bytes)
}

/// One connection, with one request at a time under way.
struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

struct Answer {
    status: u16,
    bytes: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4_096) })
    }

    async fn repeat(
        mut self,
        address: SocketAddr,
        calls: Arc<[Call]>,
        first: usize,
        stopwatch: Stopwatch,
        time: Duration,
    ) -> io::Result<Tally> {
        let mut tally = Tally::default();
        for call in calls.iter().cycle().skip(first) {
            if stopwatch.elapsed() >= time {
                break;
            }
            match self.exchange(&call.request).await {
                Ok(answer) => {
                    tally.answered += 1;
                    tally.unexpected += u64::from(answer.status != call.expected);
                    *tally.statuses.entry(answer.status).or_default() += 1;
                }
                Err(_) => {
                    tally.dropped += 1;
                    self = Self::open(address).await?;
                }
            }
        }
        Ok(tally)
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.received.clear();
        loop {
            if let Some(answer) = read(&self.received)? {
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The answer that `received` is, once it is whole. Its length must be told by
/// `content-length`.
fn read(received: &[u8]) -> io::Result<Option<Answer>> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let Some(end) = received.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD) else {
        return Ok(None);
    };
    let head = received.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or_else(malformed)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(malformed)?;
    let length: usize = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .ok_or_else(malformed)?;
    let bytes = end + END_OF_HEAD.len() + length;
    Ok((received.len() >= bytes).then_some(Answer { status, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let whole = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}";
        for part in 0..whole.len() {
            assert!(read(&whole[..part]).unwrap().is_none(), "{part} bytes");
        }
        let answer = read(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.bytes), (403, whole.len()));
    }

    #[test]
    fn an_answer_of_unknown_length_is_an_error() {
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(read(b"HTTP/1.1\r\ncontent-length: 0\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn what_is_dropped_and_what_was_not_expected_is_counted() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1_024];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n").await;
                }
            }
        });
        let calls = Arc::from([Call::get("/", &[], 200)]);
        let tally = drive(address, 2, &calls, Duration::from_millis(50)).await.unwrap();
        assert!(tally.answered > 0 && tally.dropped > 0);
        assert_eq!((tally.unexpected, tally.failures()), (tally.answered, tally.answered));
    }
}
