//! What stands before a function on AWS: the event that it makes of a call, and
//! the form in which it takes the answer. The events are those of `events/gateway`
//! with another call in them.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keyplan_tests::{Call, samples};
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FrontDoor {
    RestApi,
    HttpApi,
    FunctionUrl,
    Alb,
    AlbMultiValue,
}

pub(crate) const ALL: [FrontDoor; 5] =
    [FrontDoor::RestApi, FrontDoor::HttpApi, FrontDoor::FunctionUrl, FrontDoor::Alb, FrontDoor::AlbMultiValue];

/// An answer, before a front door's form.
#[derive(Clone, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// `<any>` is any value.
    pub(crate) headers: &'a [(&'a str, &'a [&'a str])],
    pub(crate) body: &'a str,
    pub(crate) is_base64: bool,
}

impl FrontDoor {
    fn sample(self) -> Value {
        let case = match self {
            Self::RestApi => "rest-api-without-key",
            Self::HttpApi => "http-api-without-key",
            Self::FunctionUrl => "function-url-without-key",
            Self::Alb => "alb-without-key",
            Self::AlbMultiValue => "alb-multi-value-unknown-route",
        };
        samples::named("gateway", case).event
    }

    /// The event of a call, whose URL is a path and a query.
    pub(crate) fn event(self, call: &Call) -> Value {
        let mut event = self.sample();
        let (path, query) = call.url().split_once('?').unwrap_or((call.url(), ""));
        let (text, is_base64) = match std::str::from_utf8(call.content()) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (BASE64_STANDARD.encode(call.content()), true),
        };
        event["body"] = if text.is_empty() { Value::Null } else { text.into() };
        event["isBase64Encoded"] = is_base64.into();
        match self {
            Self::RestApi => {
                event["path"] = path.into();
                event["requestContext"]["path"] = format!("/live{path}").into();
                event["pathParameters"]["proxy"] = path.trim_start_matches('/').into();
                event["requestContext"]["httpMethod"] = call.method().into();
            }
            Self::HttpApi | Self::FunctionUrl => {
                event["rawPath"] = path.into();
                event["rawQueryString"] = query.into();
                event["requestContext"]["http"]["path"] = path.into();
                event["requestContext"]["http"]["method"] = call.method().into();
            }
            Self::Alb | Self::AlbMultiValue => event["path"] = path.into(),
        }
        if !matches!(self, Self::HttpApi | Self::FunctionUrl) {
            event["httpMethod"] = call.method().into();
            self.set_query(&mut event, query);
        }
        for (name, value) in call.headers() {
            self.add_header(&mut event, name, value);
        }
        event
    }

    fn set_query(self, event: &mut Value, query: &str) {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (mut single, mut multiple) = (Map::new(), Map::new());
        for (name, value) in pairs {
            single.insert(name.to_owned(), value.into());
            let values = multiple.entry(name).or_insert_with(|| json!([]));
            values.as_array_mut().into_iter().for_each(|values| values.push(value.into()));
        }
        match self {
            Self::Alb => event["queryStringParameters"] = single.into(),
            Self::AlbMultiValue => event["multiValueQueryStringParameters"] = multiple.into(),
            _ if single.is_empty() => {}
            _ => {
                event["queryStringParameters"] = single.into();
                event["multiValueQueryStringParameters"] = multiple.into();
            }
        }
    }

    fn add_header(self, event: &mut Value, name: &str, value: &str) {
        if matches!(self, Self::HttpApi | Self::FunctionUrl) && name == "cookie" {
            event["cookies"] = value.split("; ").collect();
            return;
        }
        let mut set = |member: &str, value: Value| {
            let headers = event[member].as_object_mut().expect("an event has headers");
            headers.retain(|known, _| !known.eq_ignore_ascii_case(name));
            headers.insert(name.to_owned(), value);
        };
        if self != Self::AlbMultiValue {
            set("headers", value.into());
        }
        if matches!(self, Self::RestApi | Self::AlbMultiValue) {
            set("multiValueHeaders", json!([value]));
        }
    }

    /// An answer in the form that it wants.
    pub(crate) fn answer(self, answer: &Answer<'_>) -> Value {
        let mut form = json!({"statusCode": answer.status, "body": answer.body, "isBase64Encoded": answer.is_base64});
        let is_cookie = |name: &str| name == "set-cookie";
        let joined = |kept: &dyn Fn(&str, &[&str]) -> bool| -> Value {
            let headers = answer.headers.iter().filter(|(name, values)| kept(name, values));
            headers.map(|(name, values)| ((*name).to_owned(), values.join(",").into())).collect::<Map<_, _>>().into()
        };
        let lists = |kept: &dyn Fn(&[&str]) -> bool| -> Map<String, Value> {
            let headers = answer.headers.iter().filter(|(_, values)| kept(values));
            headers.map(|(name, values)| ((*name).to_owned(), json!(values))).collect()
        };
        match self {
            Self::RestApi => {
                form["headers"] = joined(&|_, values| values.len() == 1);
                let several = lists(&|values| values.len() > 1);
                if !several.is_empty() {
                    form["multiValueHeaders"] = several.into();
                }
            }
            Self::HttpApi | Self::FunctionUrl => {
                form["headers"] = joined(&|name, _| !is_cookie(name));
                let cookies = answer.headers.iter().find(|(name, _)| is_cookie(name));
                if let Some((_, cookies)) = cookies {
                    form["cookies"] = json!(cookies);
                }
            }
            Self::Alb => {
                form["headers"] = joined(&|name, _| !is_cookie(name));
                let cookies = answer.headers.iter().find(|(name, _)| is_cookie(name)).map(|(_, cookies)| *cookies);
                // One value a name, and names are told apart by their case.
                for (name, cookie) in ["set-cookie", "Set-cookie"].into_iter().zip(cookies.unwrap_or_default()) {
                    form["headers"][name] = (*cookie).into();
                }
            }
            Self::AlbMultiValue => form["multiValueHeaders"] = lists(&|_| true).into(),
        }
        if matches!(self, Self::Alb | Self::AlbMultiValue) {
            let status = StatusCode::from_u16(answer.status).unwrap_or_default();
            form["statusDescription"] = status.to_string().into();
        }
        form
    }
}
