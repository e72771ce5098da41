//! The DynamoDB that the tests and the local stack rely on is atomic. With
//! `DYNAMODB_ENDPOINT` the one that it names is tried instead.

mod support;

use std::num::NonZeroU32;

use keyplan_store::atomicity::Race;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_tasks_that_count_to_a_limit_exactly_the_limit_succeed_each_time() {
    let store = support::store().await;
    let race = Race { tasks: 64, attempts: 5, limit: NonZeroU32::new(100).unwrap() };
    for run in 1..=20 {
        let outcome = store.race(race).await.unwrap();
        assert!(race.is_won(outcome), "run {run}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_increment_is_lost_below_the_limit() {
    let store = support::store().await;
    let race = Race { tasks: 64, attempts: 2, limit: NonZeroU32::new(1_000).unwrap() };
    let outcome = store.race(race).await.unwrap();
    assert!(race.is_won(outcome), "{outcome:?}");
}
