//! Which throttle of its stage a request faces, besides its plan's.
//!
//! Developer guide, "Throttle requests to your REST APIs": "Per-API, per-stage
//! throttling limits are applied at the API method level for a stage. You can
//! configure the same settings for all methods, or configure different throttle
//! settings for each method." So `*/*` gives every method a bucket of its own,
//! shared by all callers, and none is shared by the methods.

use super::{Account, MethodSetting, Stage};
use crate::route::ANY;
use crate::throttle::ThrottleSettings;

/// The settings of every method that has none of its own.
const ALL_METHODS: &str = "*/*";

/// A throttle that a stage sets one of its methods, over all callers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageThrottle<'a> {
    /// Whose bucket of the resource it is: a method's verb, `ANY`, or one verb
    /// that an `ANY` method serves, where that verb has settings of its own.
    pub verb: &'a str,
    /// Its rate and burst.
    pub settings: ThrottleSettings,
}

impl Stage {
    /// The throttle that a request of `verb` faces which the method `method`
    /// (a verb, or `ANY`) of a resource serves; `None` where the stage sets none.
    ///
    /// The method's own settings come before those of all methods. What an
    /// `ANY` method serves faces the settings of its verb, else those of `ANY`.
    #[must_use]
    pub fn throttle<'a>(&self, resource_path: &str, method: &'a str, verb: &'a str) -> Option<StageThrottle<'a>> {
        if self.method_settings.is_empty() {
            return None;
        }
        let resource = resource_path.replace('/', "~1");
        let own = |verb: &'a str| self.method_settings.get(&format!("{resource}/{verb}")).map(|found| (verb, found));
        let (verb, setting) = own(verb)
            .or_else(|| own(ANY).filter(|_| method == ANY))
            .or_else(|| Some((method, self.method_settings.get(ALL_METHODS)?)))?;
        Some(StageThrottle { verb, settings: setting.throttle()? })
    }
}

impl MethodSetting {
    /// Rate and burst, where they are the stage's own. -1 leaves a limit to the
    /// account; where the other is set, the account's default fills it in. Both
    /// at that default is what a stage shows whose throttle nobody has set: the
    /// account's, under which such a limit never refuses anything by itself.
    fn throttle(&self) -> Option<ThrottleSettings> {
        let rate_limit = Some(self.throttling_rate_limit).filter(|rate| *rate >= 0.0);
        let burst_limit = u32::try_from(self.throttling_burst_limit).ok();
        let of_account = Account::DEFAULT_THROTTLE;
        let throttle = ThrottleSettings {
            rate_limit: rate_limit.unwrap_or(of_account.rate_limit),
            burst_limit: burst_limit.unwrap_or(of_account.burst_limit),
        };
        (throttle != of_account).then_some(throttle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throttle::Gcra;
    use crate::time::Timestamp;

    fn setting(throttling_rate_limit: f64, throttling_burst_limit: i32) -> MethodSetting {
        MethodSetting { throttling_rate_limit, throttling_burst_limit, ..MethodSetting::default() }
    }

    fn stage(settings: &[(&str, MethodSetting)]) -> Stage {
        let mut stage = Stage::new("prod", "uid001", "dep001", Timestamp::default());
        stage.method_settings = settings.iter().map(|(name, setting)| ((*name).to_owned(), setting.clone())).collect();
        stage
    }

    fn throttle(verb: &str, rate_limit: f64, burst_limit: u32) -> Option<StageThrottle<'_>> {
        Some(StageThrottle { verb, settings: ThrottleSettings { burst_limit, rate_limit } })
    }

    #[test]
    fn a_stage_without_settings_throttles_nothing() {
        assert_eq!(stage(&[]).throttle("/pets", "GET", "GET"), None);
    }

    #[test]
    fn a_methods_own_settings_come_before_those_of_all_methods() {
        let stage =
            stage(&[("*/*", setting(5.0, 6)), ("~1pets~1{id}/GET", setting(1.0, 2)), ("~1/GET", setting(3., 4))]);
        assert_eq!(stage.throttle("/pets/{id}", "GET", "GET"), throttle("GET", 1.0, 2));
        assert_eq!(stage.throttle("/", "GET", "GET"), throttle("GET", 3.0, 4));
        assert_eq!(stage.throttle("/pets/{id}", "PUT", "PUT"), throttle("PUT", 5.0, 6));
        assert_eq!(stage.throttle("/pets", "GET", "GET"), throttle("GET", 5.0, 6));
    }

    #[test]
    fn a_method_of_any_verb_has_one_bucket_and_a_verb_with_settings_its_own() {
        let all = ("*/*", setting(5.0, 6));
        let any = ("~1pets/ANY", setting(1.0, 2));
        let put = ("~1pets/PUT", setting(3.0, 4));
        assert_eq!(stage(std::slice::from_ref(&all)).throttle("/pets", "ANY", "GET"), throttle("ANY", 5.0, 6));
        let stage = stage(&[all, any, put]);
        assert_eq!(stage.throttle("/pets", "ANY", "GET"), throttle("ANY", 1.0, 2));
        assert_eq!(stage.throttle("/pets", "ANY", "PUT"), throttle("PUT", 3.0, 4));
        assert_eq!(stage.throttle("/pets", "GET", "GET"), throttle("GET", 5.0, 6));
    }

    #[test]
    fn a_method_can_be_exempted_from_the_settings_of_all() {
        let stage = stage(&[("*/*", setting(1.0, 1)), ("~1pets/GET", setting(-1.0, -1))]);
        assert_eq!(stage.throttle("/pets", "GET", "GET"), None);
        assert_eq!(stage.throttle("/pets", "PUT", "PUT"), throttle("PUT", 1.0, 1));
    }

    #[test]
    fn where_one_is_left_to_the_account_its_default_stands_in() {
        assert_eq!(stage(&[("*/*", setting(10.0, -1))]).throttle("/", "GET", "GET"), throttle("GET", 10.0, 5_000));
        assert_eq!(stage(&[("*/*", setting(-1.0, 10))]).throttle("/", "GET", "GET"), throttle("GET", 10_000.0, 10));
    }

    #[test]
    fn what_a_stage_shows_whose_throttle_nobody_set_is_the_accounts() {
        let logged = MethodSetting { logging_level: Some("INFO".into()), ..MethodSetting::default() };
        assert_eq!(stage(&[("*/*", logged)]).throttle("/", "GET", "GET"), None);
        let raised = setting(20_000.0, 5_000);
        assert_eq!(stage(&[("*/*", raised)]).throttle("/", "GET", "GET"), throttle("GET", 20_000.0, 5_000));
    }

    #[test]
    fn a_rate_or_a_burst_of_zero_is_a_limit() {
        let refuses_all = |setting| {
            let stage = stage(&[("*/*", setting)]);
            stage.throttle("/", "GET", "GET").is_some_and(|found| Gcra::from(found.settings).never_admits())
        };
        assert!(refuses_all(setting(0.0, 5)));
        assert!(refuses_all(setting(5.0, 0)));
    }
}
