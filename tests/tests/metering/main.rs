//! Metering over HTTP, by several processes at once on one DynamoDB that loses
//! answers and fails: what is promised holds exactly.

mod agreement;
mod clocks;
mod control_plane;
mod counts;
mod extremes;
mod failures;
mod granted;
mod history;
mod key_in_two_plans;
mod key_made_again;
mod leased;
mod outages;
mod quota;
mod run;
mod throttle;

/// Runs of what is tried several times: 5, or as many as `KEYPLAN_METERING_RUNS`
/// asks for.
fn runs() -> u64 {
    std::env::var("KEYPLAN_METERING_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5)
}
