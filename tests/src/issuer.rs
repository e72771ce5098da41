//! An issuer of JSON Web Tokens, in Python, by a library that has nothing in
//! common with what is tested: see `issuer/issuer.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::{Call, aws_cli, binaries};

/// A running issuer; it ends when it is dropped.
#[derive(Debug)]
pub struct Issuer {
    /// Its address, which is its name too: `iss`.
    pub url: String,
    /// Where it is told what to do.
    told_at: String,
    child: Child,
}

impl Issuer {
    /// An issuer that publishes these keys, each with its algorithm.
    ///
    /// # Panics
    /// When it does not start, for example for want of `joserfc`.
    #[must_use]
    pub fn start(keys: &[(&str, &str)]) -> Self {
        Self::with(&[], keys)
    }

    /// One at `https://localhost`, by the certificate and the key in these files.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn over_tls(certificate: &Path, key: &Path, keys: &[(&str, &str)]) -> Self {
        Self::with(&[certificate, key], keys)
    }

    fn with(files: &[&Path], keys: &[(&str, &str)]) -> Self {
        let mut child = Command::new(aws_cli::python())
            .arg(binaries::workspace().join("tests/src/issuer/issuer.py"))
            .args(files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut printed = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut address = || match printed.next() {
            Some(Ok(line)) => line,
            _ => panic!("the issuer does not start: ./check installs what it needs"),
        };
        let told_at = address();
        let url = if files.is_empty() { told_at.clone() } else { address() };
        let issuer = Self { url, told_at, child };
        issuer.publish(keys);
        issuer
    }

    /// A file for `--jwt-issuers`, in which it is the only one.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self, rules: Value) -> NamedTempFile {
        let all = with(json!({"issuer": self.url, "audiences": ["pets"]}), &rules);
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(json!([all]).to_string().as_bytes()).expect("a temporary file takes bytes");
        file
    }

    /// Publishes these keys, and no others any more; those that are new are made.
    pub fn publish(&self, keys: &[(&str, &str)]) {
        self.ask("/publish", &json!(keys));
    }

    /// How it answers from now on: `serve`, `fail` or `stall`.
    pub fn behave(&self, behaviour: &str) {
        self.ask("/behave", &json!(behaviour));
    }

    /// How often its JWK Set was asked for.
    #[must_use]
    pub fn jwks_hits(&self) -> u64 {
        let hits: Value = serde_json::from_str(&self.ask("/hits", &Value::Null)).unwrap_or_default();
        hits["jwks"].as_u64().expect("the issuer counts")
    }

    /// A token that it signed, for the audience `pets` and an hour if the claims
    /// say nothing else; `asked` may change the key, the header or how it is signed.
    #[must_use]
    pub fn token(&self, now: i64, key: (&str, &str), asked: Value, claims: Value) -> String {
        let (kid, algorithm) = key;
        let all = json!({"iss": self.url, "aud": "pets", "sub": "alice", "iat": now, "exp": now + 3_600});
        let header = json!({"alg": algorithm, "kid": kid, "typ": "JWT"});
        let sign = json!({"kid": kid, "header": header, "claims": with(all, &claims)});
        self.ask("/sign", &with(sign, &asked))
    }

    fn ask(&self, path: &str, body: &Value) -> String {
        let answer = Call::new("POST", format!("{}{path}", self.told_at)).json(body).send();
        assert_eq!(answer.status, 200, "{answer}");
        answer.body
    }
}

/// `all` with `members` besides, or in the place of its own.
fn with(mut all: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
