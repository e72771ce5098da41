//! What is known of a request on its way through the pipeline, and `$context`,
//! by which templates, logs and backends are told of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use keyplan_domain::arn::{PARTITION, StageArn};
use keyplan_domain::key::KeyByValue;
use keyplan_domain::left::Reading;
use keyplan_domain::plan::UsagePlan;
use keyplan_domain::route::Match;
use keyplan_domain::time::Timestamp;

use crate::authorizer::Authorized;
use crate::deployed::{DeployedMethod, DeployedStage};
use crate::parameters;
use crate::request::{Request, RequestIds};
use crate::settings::Settings;
use keyplan_domain::template::{Location, Reference, Values};

/// A request whose stage is found. Each phase adds what it finds out.
pub(crate) struct Exchange<'a> {
    pub(crate) request: &'a Request,
    pub(crate) ids: &'a RequestIds,
    pub(crate) received: Timestamp,
    pub(crate) settings: &'a Settings,
    pub(crate) stage: &'a DeployedStage,
    /// The path behind the stage, as it was sent.
    pub(crate) path: &'a str,
    /// Values in the place of `$context`'s own, when the control plane tests
    /// something.
    pub(crate) additional_context: Option<&'a BTreeMap<String, String>>,
    pub(crate) route: Option<Match<'a, 'a, DeployedMethod>>,
    pub(crate) authorized: Option<Authorized>,
    pub(crate) key: Option<Arc<KeyByValue>>,
    pub(crate) plan: Option<Arc<UsagePlan>>,
    /// The meter of the key in its plan, once it is known.
    pub(crate) meter: Option<Reading>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn verb(&self) -> &'a str {
        self.request.method.as_str()
    }

    /// `/{stage}/path` as it was sent.
    pub(crate) fn path_with_stage(&self) -> String {
        format!("/{}{}", self.stage.stage.stage_name, self.path)
    }

    /// The path as backends are told it: one slash in front, those at the end kept.
    pub(crate) fn path_of_resource(&self) -> Cow<'a, str> {
        let bare = self.path.trim_start_matches('/');
        let first = self.path.len() - bare.len();
        match first.checked_sub(1) {
            Some(slash) => Cow::Borrowed(&self.path[slash..]),
            None => Cow::Owned(format!("/{bare}")),
        }
    }

    pub(crate) fn resource_path(&self) -> Option<&'a str> {
        self.route.as_ref().map(|route| route.resource_path)
    }

    pub(crate) fn resource_id(&self) -> Option<&'a str> {
        self.route.as_ref().map(|route| route.value.resource_id.as_str())
    }

    pub(crate) fn stage_arn(&self) -> StageArn<'a> {
        StageArn {
            partition: PARTITION,
            region: &self.settings.region,
            account_id: &self.settings.account_id,
            api_id: self.stage.deployment.id.as_str(),
            stage: &self.stage.stage.stage_name,
        }
    }

    /// The key's value as the API's key source gives it. The other source is
    /// not looked at.
    pub(crate) fn presented_key(&self) -> Option<&str> {
        let usage_identifier_key = self.authorized.as_ref().and_then(Authorized::usage_identifier_key);
        self.stage.deployment.key_source.presented(self.request.api_key(), usage_identifier_key)
    }

    pub(crate) fn domain_name(&self) -> &'a str {
        let host = self.request.host.as_deref().or_else(|| self.request.header("host")).unwrap_or_default();
        host.split(':').next().unwrap_or_default()
    }

    pub(crate) fn domain_prefix(&self) -> &'a str {
        self.domain_name().split('.').next().unwrap_or_default()
    }

    /// `$context.{name}`; `None` where there is no such thing.
    /// (Developer guide, "Variables for data models, authorizers, mapping
    /// templates, and CloudWatch access logging".)
    pub(crate) fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.additional_context.and_then(|context| context.get(name)) {
            return Some(Cow::Borrowed(value));
        }
        if let Some(name) = name.strip_prefix("authorizer.") {
            return self.authorized.as_ref()?.variable(name);
        }
        let text = match name {
            "accountId" => &self.settings.account_id,
            "apiId" => self.stage.deployment.id.as_str(),
            "deploymentId" => &self.stage.deployment.deployment_id,
            "domainName" => self.domain_name(),
            "domainPrefix" => self.domain_prefix(),
            "extendedRequestId" => &self.ids.extended,
            "httpMethod" => self.verb(),
            "identity.apiKey" => self.key.as_ref().and_then(|_| self.presented_key())?,
            "identity.apiKeyId" => self.key.as_ref()?.key_id.as_str(),
            "identity.sourceIp" => &self.request.source_ip,
            "identity.userAgent" => self.request.user_agent()?,
            "path" => return Some(self.path_with_stage().into()),
            "protocol" => &self.request.protocol,
            "requestId" => &self.ids.request,
            "requestTime" => return Some(common_log_time(self.received).into()),
            "requestTimeEpoch" => return Some(milliseconds(self.received).to_string().into()),
            "resourceId" => self.resource_id()?,
            "resourcePath" => self.resource_path()?,
            "stage" => &self.stage.stage.stage_name,
            _ => return None,
        };
        Some(Cow::Borrowed(text))
    }

    pub(crate) fn parameter(&self, location: Location, name: &str) -> Option<Cow<'_, str>> {
        match location {
            Location::Header => self.request.header(name).map(Cow::Borrowed),
            Location::Query => parameters::query_parameter(&self.request.query, name),
            Location::Path => self.route.as_ref()?.path_parameters.get(name).map(|value| Cow::Borrowed(*value)),
            Location::Any => [Location::Path, Location::Query, Location::Header]
                .into_iter()
                .find_map(|location| self.parameter(location, name)),
        }
    }
}

impl Values for Exchange<'_> {
    fn value(&self, reference: &Reference) -> Option<Cow<'_, str>> {
        match reference {
            Reference::Context(name) => self.variable(name),
            Reference::StageVariable(name) => {
                self.stage.stage.variables.get(name).map(|value| Cow::Borrowed(value.as_str()))
            }
            Reference::Parameter(location, name) => self.parameter(*location, name),
            Reference::Body => Some(String::from_utf8_lossy(&self.request.body)),
        }
    }
}

pub(crate) fn milliseconds(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(1_000_000)
}

/// `23/Nov/2026:10:05:01 +0000`, as API Gateway writes `requestTime`.
pub(crate) fn common_log_time(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const SECONDS_PER_DAY: i64 = 86_400;
    let date = at.date();
    let month = usize::try_from(date.month()).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?)).unwrap_or(&"");
    let second = at.as_seconds().rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{:02}/{month}/{:04}:{hour:02}:{minute:02}:{second:02} +0000", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_in_a_common_log() {
        assert_eq!(common_log_time(Timestamp::from_seconds(1_795_601_101)), "25/Nov/2026:10:05:01 +0000");
        assert_eq!(common_log_time(Timestamp::from_seconds(-1)), "31/Dec/1969:23:59:59 +0000");
        assert_eq!(milliseconds(Timestamp::from_nanos(1_999_999)), 1);
    }
}
