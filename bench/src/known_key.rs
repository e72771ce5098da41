//! A key that the gateway knows.

use serde_json::{Value, json};

use crate::api::{Api, BODY, Error};
use crate::dynamodb::Served;
use crate::goals::generous_plan;

/// A key in a plan with limits that refuse nobody, in a database of its own.
pub(crate) struct KnownKey {
    served: Served,
    path: String,
    value: String,
    default: [(&'static str, String); 2],
}

/// The resource that is called.
const RESOURCE: &str = "keyed";

impl KnownKey {
    pub(crate) async fn make() -> Result<Self, Error> {
        let served = Served::start(dynoxide::Database::memory()?).await?;
        let api = Api::make(served.store().await?, 0).await?;
        let plan = generous_plan(&api).await?;
        let (_, value) = api.key(Some(&plan), true).await?;
        Ok(Self { served, path: api.path(RESOURCE), value: value.expose().to_owned(), default: api.as_default() })
    }

    /// The address of its database.
    pub(crate) fn url(&self) -> &str {
        self.served.url()
    }

    /// What a Function URL sends when the key is used.
    pub(crate) fn event(&self) -> Value {
        self.event_for(&self.path)
    }

    /// The variables by which a gateway serves this API alone, and what a Function
    /// URL then sends.
    pub(crate) fn as_default(&self) -> (&[(&'static str, String)], Value) {
        (&self.default, self.event_for(&format!("/{RESOURCE}")))
    }

    fn event_for(&self, path: &str) -> Value {
        let host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.us-east-1.on.aws";
        let http = json!({
            "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.17",
            "userAgent": "curl/8.5.0",
        });
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
            "headers": {
                "accept": "*/*", "host": host, "user-agent": "curl/8.5.0", "x-api-key": self.value,
                "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256", "x-amzn-tls-version": "TLSv1.3",
                "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "x-forwarded-for": "192.0.2.17",
                "x-forwarded-port": "443", "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "anonymous", "apiId": "abcdefghijklmnopqrstuvwxyz012345", "domainName": host,
                "domainPrefix": "abcdefghijklmnopqrstuvwxyz012345", "http": http,
                "requestId": "0d9c8b7a-6f5e-4d3c-2b1a-0918273645f5", "routeKey": "$default", "stage": "$default",
                "time": "24/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_478_400_000_u64,
            },
            "isBase64Encoded": false,
        })
    }

    /// Fails if that is no answer for it.
    pub(crate) fn expect_in(&self, answer: &[u8]) -> Result<(), Error> {
        let answer: Value = serde_json::from_slice(answer)?;
        if answer["statusCode"] == 200 && answer["body"] == BODY {
            return Ok(());
        }
        Err(format!("the gateway answers {} to a key that it knows", answer["statusCode"]).into())
    }
}
