use crate::run;

/// Numbers that are the same in every run (xorshift), since a failure must come
/// back when it is looked for.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }

    /// `bytes` with a few of them changed, left out, doubled or put elsewhere.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        const ODD: &[u8] = b"\0\r\n\t %:/?#[]@!$&'()*+,;=\"<>\\^`{|}~\x7f\x80\xc3\xff0aZ";
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let until = bytes.len().min(at + 1 + self.below(8));
            match self.below(4) {
                0 => bytes[at] = ODD[self.below(ODD.len())],
                1 => bytes.insert(at, ODD[self.below(ODD.len())]),
                2 => drop(bytes.drain(at..until)),
                _ => {
                    let piece = bytes[at..until].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        bytes
    }
}

#[test]
fn a_request_with_a_few_wrong_bytes_is_no_failure_of_ours() {
    run(|target| {
        let key = format!("x-api-key: {}\r\nAuthorization: token\r\n", target.key);
        let seeds = [
            target.get("/keyed?q=%C3%A9&flag", &key),
            target.get("/guarded/a%20b?q=1", "Accept: text/html\r\nCookie: a=b\r\n"),
            target.post("Content-Type: application/json\r\nContent-Length: 7\r\n", "{\"a\":1}"),
            target.post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
        ];
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for round in 0..400 {
            for seed in &seeds {
                let sent = numbers.mutated(seed.as_bytes());
                for answer in target.answers(&sent) {
                    assert!(answer.status < 500, "{round}: {}: {answer}", sent.escape_ascii());
                }
            }
        }
        assert_eq!(target.answers(seeds[0].as_bytes())[0].status, 200, "it goes on serving");
    });
}
