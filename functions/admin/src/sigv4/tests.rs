use aws_credential_types::Credentials as Identity;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::HeaderValue;
use keyplan_domain::key::hex;
use sha2::{Digest, Sha256};

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_795_472_101);
const DATE_NOW: &str = "20261123T221501Z";
const HOST: &str = "127.0.0.1:4500";
const EMPTY_BODY: &[u8] = b"";

/// A request as a client made it, to be sent or tampered with.
#[derive(Clone, Debug)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, path: &str, query: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Self {
        let value = |value: &str| HeaderValue::from_str(value).unwrap();
        let mut map: HeaderMap = headers.iter().map(|(name, text)| (name.parse().unwrap(), value(text))).collect();
        map.insert("host", value(HOST));
        Self { method: method.into(), path: path.into(), query: query.into(), headers: map, body: body.into() }
    }

    /// Signs as AWS's SDKs do, all headers that are there.
    fn signed(mut self, id: &str, secret: &str, at: Timestamp) -> Self {
        let identity = Identity::new(id, secret, None, None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region("us-east-1")
            .name("apigateway")
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(at.as_seconds().unsigned_abs()))
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let url = match self.query.as_str() {
            "" => format!("http://{HOST}{}", self.path),
            query => format!("http://{HOST}{}?{query}", self.path),
        };
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let request =
            SignableRequest::new(&self.method, url, headers.into_iter(), SignableBody::Bytes(&self.body)).unwrap();
        let (instructions, _) = sign(request, &params.into()).unwrap().into_parts();
        let added: Vec<_> = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in added {
            self.headers.insert(name.parse::<http::HeaderName>().unwrap(), HeaderValue::from_str(&value).unwrap());
        }
        self
    }

    /// Signs by hand, as the Signature Version 4 documentation describes it,
    /// over the headers named, which must be in order.
    fn signed_by_hand(mut self, canonical_path: &str, canonical_query: &str, names: &str) -> Self {
        self.headers.insert(DATE, HeaderValue::from_static(DATE_NOW));
        let headers = names.split(';').map(|name| format!("{name}:{}\n", self.headers[name].to_str().unwrap()));
        let canonical = format!(
            "{}\n{canonical_path}\n{canonical_query}\n{}\n{names}\n{}",
            self.method,
            headers.collect::<String>(),
            hex(&Sha256::digest(&self.body))
        );
        let scope = "20261123/us-east-1/apigateway/aws4_request";
        let to_sign = format!("AWS4-HMAC-SHA256\n{DATE_NOW}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.as_seconds().unsigned_abs());
        let key = generate_signing_key("local", at, "us-east-1", "apigateway");
        let signature = calculate_signature(key, to_sign.as_bytes());
        let value = format!("AWS4-HMAC-SHA256 Credential=local/{scope}, SignedHeaders={names}, Signature={signature}");
        self.headers.insert("authorization", HeaderValue::from_str(&value).unwrap());
        self
    }

    fn verified_at(&self, now: Timestamp) -> Result<AccessKeyId, SignatureError> {
        let verified = verifier().verify(
            &SignedRequest {
                method: &self.method,
                paths: std::slice::from_ref(&self.path),
                query: &self.query,
                headers: &self.headers,
                body: &self.body,
            },
            now,
        );
        verified.map(|verified| verified.caller)
    }

    fn verified(&self) -> Result<AccessKeyId, SignatureError> {
        self.verified_at(NOW)
    }

    fn authorization(&self) -> String {
        self.headers["authorization"].to_str().unwrap().to_owned()
    }

    fn with_authorization(mut self, value: &str) -> Self {
        self.headers.insert("authorization", HeaderValue::from_str(value).unwrap());
        self
    }
}

fn verifier() -> Verifier {
    Verifier::new("local:local,second:another-secret".parse().unwrap(), "us-east-1", SERVICE)
}

fn create_key() -> Sent {
    Sent::new(
        "POST",
        "/apikeys",
        "",
        &[("accept", "application/json"), ("content-type", "application/json")],
        br#"{"name":"k"}"#,
    )
    .signed("local", "local", NOW)
}

#[test]
fn real_request_shapes_are_verified() {
    for (method, path, query, body) in [
        ("GET", "/apikeys", "", EMPTY_BODY),
        ("GET", "/apikeys", "includeValues=true&name=pre&limit=2", EMPTY_BODY),
        ("GET", "/apikeys", "position=a%2Bb%3D%3D&name=caf%C3%A9%20x", EMPTY_BODY),
        ("GET", "/restapis/abc/resources", "embed=methods", EMPTY_BODY),
        ("PATCH", "/restapis/abc/", "", br#"{"patchOperations":[]}"#),
        ("PUT", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fabc", "", br#"{"tags":{}}"#),
        (
            "DELETE",
            "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fabc",
            "tagKeys=k1&tagKeys=k2",
            EMPTY_BODY,
        ),
        ("POST", "/apikeys", "mode=import&format=csv&failonwarnings=true", b"name,key\n"),
        ("GET", "/restapis/a~b/stages/x.y_z-1", "", EMPTY_BODY),
    ] {
        let sent =
            Sent::new(method, path, query, &[("accept", "application/json")], body).signed("local", "local", NOW);
        assert_eq!(sent.verified().unwrap().as_str(), "local", "{method} {path}?{query}");
    }
}

#[test]
fn the_guides_raw_request_is_verified_with_its_own_set_of_headers() {
    let body = br#"{"patchOperations":[{"op":"replace","path":"/apiKeySource","value":"AUTHORIZER"}]}"#;
    let length = body.len().to_string();
    let sent = Sent::new(
        "PATCH",
        "/restapis/abcdefghij/",
        "",
        &[("content-length", &length), ("content-type", "application/json"), ("user-agent", "curl")],
        body,
    )
    .signed_by_hand("/restapis/abcdefghij/", "", "content-length;content-type;host;x-amz-date");
    assert_eq!(sent.verified().unwrap().as_str(), "local");
}

#[test]
fn the_path_is_signed_encoded_twice_and_the_query_sorted() {
    let sent = Sent::new("DELETE", "/tags/arn%3Aaws%2Fx", "tagKeys=k2&tagKeys=k1", &[], EMPTY_BODY).signed_by_hand(
        "/tags/arn%253Aaws%252Fx",
        "tagKeys=k1&tagKeys=k2",
        "host;x-amz-date",
    );
    assert_eq!(sent.verified().unwrap().as_str(), "local");
}

#[test]
fn a_request_that_was_changed_on_its_way_is_refused() {
    let honest = create_key();
    assert!(honest.verified().is_ok());
    let mut changed = Vec::new();
    let mut change = |what: &'static str, edit: &dyn Fn(&mut Sent)| {
        let mut sent = honest.clone();
        edit(&mut sent);
        changed.push((what, sent));
    };
    change("method", &|sent| sent.method = "PUT".into());
    change("path", &|sent| sent.path = "/apikeyz".into());
    change("slash", &|sent| sent.path = "/apikeys/".into());
    change("encoding", &|sent| sent.path = "/%61pikeys".into());
    change("query", &|sent| sent.query = "mode=import".into());
    change("body", &|sent| sent.body.push(b' '));
    change("host", &|sent| {
        sent.headers.insert("host", HeaderValue::from_static("elsewhere"));
    });
    change("content type", &|sent| {
        sent.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    });
    change("date", &|sent| {
        sent.headers.insert(DATE, HeaderValue::from_static("20261123T221502Z"));
    });
    change("second value", &|sent| {
        sent.headers.append("accept", HeaderValue::from_static("text/plain"));
    });
    change("missing header", &|sent| {
        sent.headers.remove("accept");
    });
    change("signature", &|sent| {
        let authorization = sent.authorization();
        let (kept, last) = authorization.split_at(authorization.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        *sent = sent.clone().with_authorization(&format!("{kept}{other}"));
    });
    change("no signature", &|sent| {
        let authorization = sent.authorization();
        let (kept, _) = authorization.rsplit_once('=').unwrap();
        *sent = sent.clone().with_authorization(&format!("{kept}="));
    });
    for (what, sent) in changed {
        assert_eq!(sent.verified(), Err(SignatureError::Mismatch), "{what}");
    }
}

#[test]
fn another_secret_and_another_id_are_told_apart() {
    let sent = |id, secret| Sent::new("GET", "/apikeys", "", &[], EMPTY_BODY).signed(id, secret, NOW).verified();
    assert!(sent("second", "another-secret").is_ok());
    assert_eq!(sent("local", "another-secret"), Err(SignatureError::Mismatch));
    assert_eq!(sent("nobody", "local"), Err(SignatureError::UnknownId));
    // The secret that unknown ids are compared with is nobody's.
    assert_eq!(sent("nobody", "no-one-has-this-secret"), Err(SignatureError::UnknownId));
}

#[test]
fn a_signature_is_good_for_five_minutes_either_way() {
    let sent = create_key();
    let after = |seconds: i64| Timestamp::from_seconds(NOW.as_seconds() + seconds);
    assert!(sent.verified_at(after(300)).is_ok());
    assert!(sent.verified_at(after(-300)).is_ok());
    assert_eq!(
        sent.verified_at(after(301)).unwrap_err().to_string(),
        "Signature expired: 20261123T221501Z is now earlier than 20261123T221502Z (20261123T222002Z - 5 min.)"
    );
    assert_eq!(
        sent.verified_at(after(-301)).unwrap_err().to_string(),
        "Signature not yet current: 20261123T221501Z is still later than 20261123T221500Z (20261123T221000Z + 5 min.)"
    );
}

#[test]
fn the_scope_must_be_of_this_day_region_and_service() {
    let sent = create_key();
    for (from, to, text) in [
        ("/us-east-1/", "/eu-west-1/", "Credential should be scoped to a valid region: 'us-east-1'. "),
        ("/apigateway/", "/lambda/", "Credential should be scoped to correct service: 'apigateway'. "),
        ("/aws4_request", "/aws3_request", "Credential should be scoped with a valid terminator: 'aws4_request'. "),
        (
            "/20261123/",
            "/20261122/",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP",
        ),
    ] {
        let wrong = sent.clone().with_authorization(&sent.authorization().replace(from, to));
        assert_eq!(wrong.verified(), Err(SignatureError::Scope(text.to_owned())));
    }
}

#[test]
fn host_and_date_must_be_signed() {
    for names in ["x-amz-date", "host"] {
        let sent = Sent::new("GET", "/apikeys", "", &[], EMPTY_BODY).signed_by_hand("/apikeys", "", names);
        let error = sent.verified().unwrap_err();
        assert!(error.to_string().ends_with("must be a 'SignedHeader' in the AWS Authorization."), "{error}");
    }
}

#[test]
fn each_refusal_has_the_kind_that_aws_gives_it() {
    let unsigned = Sent::new("GET", "/apikeys", "", &[], EMPTY_BODY);
    let presigned = Sent { query: "X-Amz-Signature=abc".into(), ..unsigned.clone() };
    let mut temporary = create_key();
    temporary.headers.insert(SESSION_TOKEN, HeaderValue::from_static("token"));
    let mut undated = create_key();
    undated.headers.remove(DATE);
    let mut misdated = create_key();
    misdated.headers.insert(DATE, HeaderValue::from_static("yesterday"));
    for (sent, kind, text) in [
        (unsigned.clone(), "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (presigned, "IncompleteSignatureException", "Keyplan does not take presigned requests"),
        (temporary, "UnrecognizedClientException", "Keyplan does not take temporary credentials"),
        (undated, "IncompleteSignatureException", "Authorization header requires existence of"),
        (misdated, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'"),
        (
            unsigned.clone().with_authorization("Bearer secret"),
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
             parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            unsigned.clone().with_authorization("AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=0"),
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements",
        ),
        (
            unsigned.with_authorization("AWS4-ECDSA-P256-SHA256 Credential=x, SignedHeaders=host, Signature=0"),
            "IncompleteSignatureException",
            "Unsupported AWS 'algorithm'",
        ),
    ] {
        let error = ApiError::from(sent.verified().unwrap_err());
        assert_eq!((error.status, error.kind), (403, kind));
        assert!(error.message.starts_with(text), "{}", error.message);
        assert!(!error.message.contains("secret"));
    }
    let error = ApiError::from(SignatureError::Mismatch);
    assert_eq!(error.kind, "InvalidSignatureException");
    let error = ApiError::from(SignatureError::UnknownId);
    assert_eq!(
        (error.kind, error.message.as_str()),
        ("UnrecognizedClientException", "The security token included in the request is invalid.")
    );
}

#[test]
fn a_path_that_was_decoded_on_its_way_is_found_among_several() {
    let raw = "/tags/arn%3Aaws%2Fx";
    let sent = Sent::new("GET", raw, "", &[], EMPTY_BODY).signed("local", "local", NOW);
    let verify = |paths: &[&str]| {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let request = SignedRequest { method: "GET", paths: &paths, query: "", headers: &sent.headers, body: b"" };
        verifier().verify(&request, NOW)
    };
    assert_eq!(verify(&["/tags/arn:aws/x", raw]).unwrap().path, 1);
    assert_eq!(verify(&["/tags/arn:aws/x", "/tags/é?", "no path", ""]), Err(SignatureError::Mismatch));
    assert_eq!(verify(&[]), Err(SignatureError::Mismatch));
}
