use keyplan_tests::Dice;

use crate::run;

/// `bytes` with a few of them changed, left out, doubled or put elsewhere.
pub(crate) fn mutated(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    const ODD: &[u8] = b"\0\r\n\t %:/?#[]@!$&'()*+,;=\"<>\\^`{|}~\x7f\x80\xc3\xff0aZ";
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        let until = bytes.len().min(at + 1 + dice.below(8));
        match dice.below(4) {
            0 => bytes[at] = *dice.one_of(ODD),
            1 => bytes.insert(at, *dice.one_of(ODD)),
            2 => drop(bytes.drain(at..until)),
            _ => {
                let piece = bytes[at..until].to_vec();
                let to = dice.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(b' ');
        }
    }
    bytes
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
        let mut dice = Dice::seeded(0);
        for round in 0..400 {
            for seed in &seeds {
                let sent = mutated(seed.as_bytes(), &mut dice);
                for answer in target.answers(&sent) {
                    assert!(answer.status < 500, "{round}: {}: {answer}", sent.escape_ascii());
                }
            }
        }
        assert_eq!(target.answers(seeds[0].as_bytes())[0].status, 200, "it goes on serving");
    });
}
