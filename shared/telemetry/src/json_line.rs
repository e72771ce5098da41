//! A line of the log as JSON, with the members of Lambda's own JSON logs
//! (Lambda Developer Guide, "Log-level filtering" and the pages of its runtimes):
//! `timestamp`, `level`, `requestId` and `message`. An event's other fields stand
//! beside them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Debug};

use serde::Serialize;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The field by which `lambda_runtime`'s span of an invocation has Lambda's
/// request id.
const REQUEST_ID: &str = "requestId";
const MESSAGE: &str = "message";
/// What a field of an event cannot be named.
const OWN: [&str; 4] = ["timestamp", "level", REQUEST_ID, "target"];

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    target: &'a str,
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

/// Keeps an invocation's request id for the lines within it.
pub(crate) struct RequestIds;

struct RequestId(String);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for RequestIds {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().fields().field(REQUEST_ID).is_none() {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(Value::String(id_of_request)), Some(span)) = (fields.0.remove(REQUEST_ID), context.span(id)) {
            span.extensions_mut().insert(RequestId(id_of_request));
        }
    }
}

/// The form of a line.
pub(crate) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut spans = context.event_scope().into_iter().flatten();
        let invocation = spans.find(|span| span.extensions().get::<RequestId>().is_some());
        let extensions = invocation.as_ref().map(|span| span.extensions());
        let line = Line {
            timestamp,
            level: event.metadata().level().as_str(),
            request_id: extensions.as_ref().and_then(|kept| kept.get::<RequestId>()).map(|id| id.0.as_str()),
            message: fields.0.remove(MESSAGE),
            target: event.metadata().target(),
            fields: fields.0.into_iter().map(beside_ours).collect(),
        };
        let json = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{json}")
    }
}

fn beside_ours((name, value): (&'static str, Value)) -> (String, Value) {
    let name = name.strip_prefix("r#").unwrap_or(name);
    let underscore = if OWN.contains(&name) { "_" } else { "" };
    (format!("{name}{underscore}"), value)
}

/// Fields by name.
#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name(), value.into());
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.insert(field, value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field, format!("{value:?}"));
    }
}
