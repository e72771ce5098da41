use std::io::{self, BufRead};

/// An HTTP/1.1 request or answer, as it came.
#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
    head: usize,
}

impl Message {
    /// The next one; `None` when the other side has hung up.
    ///
    /// # Errors
    /// When the connection fails, or what comes is not of a known length.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        loop {
            let before = bytes.len();
            if from.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            if bytes.get(before..) == Some(b"\r\n") {
                break;
            }
        }
        let mut message = Self { head: bytes.len(), bytes };
        let length = message.header("content-length").and_then(|length| length.parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other("no Content-Length"))?;
        message.bytes.resize(message.head + length, 0);
        from.read_exact(&mut message.bytes[message.head..])?;
        Ok(Some(message))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.bytes[..self.head]).ok()?;
        let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether it is an answer of status 200.
    pub(super) fn is_success(&self) -> bool {
        self.bytes.starts_with(b"HTTP/1.1 200")
    }
}
