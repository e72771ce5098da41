use crate::{is_refusal, run};

#[test]
fn a_body_that_is_not_as_announced_is_refused() {
    run(|target| {
        let length = |length: &str, body: &str| target.post(&format!("Content-Length: {length}\r\n"), body);
        let chunked = |body: &str| target.post("Transfer-Encoding: chunked\r\n", body);
        let rows: &[(&str, String, &[u16])] = &[
            ("cut short", length("100", "too little"), &[400]),
            ("no bytes of it", length("100", ""), &[400]),
            ("a length that is none", length("many", ""), &[400]),
            ("a negative length", length("-1", ""), &[400]),
            ("a length with a sign", length("+4", "abcd"), &[400]),
            ("an empty length", length("", ""), &[400]),
            ("a hexadecimal length", length("0x4", "abcd"), &[400]),
            ("a length beyond all", length("99999999999999999999999", ""), &[400]),
            ("two lengths", target.post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), &[400]),
            ("two lengths in one", length("1, 2", "ab"), &[400]),
            ("chunks without a number", chunked("no number\r\n"), &[400]),
            ("a chunk cut short", chunked("64\r\ntoo little"), &[400]),
            ("chunks without an end", chunked("4\r\nabcd\r\n"), &[400]),
            ("a chunk longer than it says", chunked("2\r\nabcd\r\n0\r\n\r\n"), &[400]),
            ("a chunk beyond all", chunked("fffffffffffffffff\r\nx"), &[400]),
            ("a chunk of negative length", chunked("-1\r\nx"), &[400]),
            ("another coding", target.post("Transfer-Encoding: gzip\r\n", "x"), &[400]),
            ("chunks within another coding", target.post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), &[400]),
            ("a coding like chunks", target.post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), &[400]),
            ("chunks under HTTP/1.0", chunked("0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"), &[400]),
            ("chunks", chunked("4\r\nabcd\r\n0\r\n\r\n"), &[200]),
            ("the same length twice", target.post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), &[200]),
        ];
        for (what, sent, statuses) in rows {
            target.check(what, sent.as_bytes(), statuses);
        }
        let eleven = "x".repeat(11 << 20);
        target.check("11 MB", length(&eleven.len().to_string(), &eleven).as_bytes(), &[413]);
        let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
        target.check("11 MB in chunks", chunked(&(chunk.repeat(11) + "0\r\n\r\n")).as_bytes(), &[413]);
    });
}

/// One reading of such a request shows a second one, another does not.
#[test]
fn a_request_hidden_in_another_is_never_served() {
    run(|target| {
        let hidden = target.get("/smuggled", "");
        let length = hidden.len();
        let rows = [
            ("a length and chunks", format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", length + 5)),
            ("chunks and a length", format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", length + 5)),
            ("chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned()),
            ("chunks by another name", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n".to_owned()),
            ("chunks on a folded line", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n".to_owned()),
            ("chunks behind a tab", "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\n".to_owned()),
        ];
        for (what, headers) in rows {
            let answers = target.answers(target.post(&headers, &format!("0\r\n\r\n{hidden}")).as_bytes());
            assert_eq!(answers.len(), 1, "{what}: {answers:?}");
            assert!(answers[0].status == 200 || is_refusal(&answers[0]), "{what}: {}", answers[0]);
        }
        for event in target.lambda.events("good") {
            assert_eq!(event["path"], "/x", "the hidden request is not served");
        }
    });
}

#[test]
fn old_and_pipelined_requests_are_served() {
    run(|target| {
        let request = target.get("/mock/a", "");
        target.check("HTTP/1.0", request.replace("HTTP/1.1", "HTTP/1.0").as_bytes(), &[200]);
        let bare = format!("GET {}/mock/a HTTP/1.0\r\n\r\n", target.base);
        target.check("HTTP/1.0 without a Host", bare.as_bytes(), &[200]);
        target.check("line ends without CR", request.replace('\r', "").as_bytes(), &[200]);
        target.check("empty lines first", format!("\r\n\r\n{request}").as_bytes(), &[200]);
        target.check("several", request.repeat(3).as_bytes(), &[200, 200, 200]);
        let and_a_bad_one = format!("{request}{}{request}", "nonsense\r\n\r\n");
        target.check("a bad one among them", and_a_bad_one.as_bytes(), &[200, 400]);
    });
}
