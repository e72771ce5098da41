use aws_credential_types::Credentials;
use dynoxide::Database;
use keyplan_store::Tables;
use keyplan_store::connect::Connection;
use tokio::net::TcpListener;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_795_600_000);

async fn store() -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = Connection::new(
        "us-east-1",
        Some(format!("http://{}", listener.local_addr().unwrap())),
        Credentials::new("local", "local", None, None, "test"),
    );
    tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
    let store = Store::new(connection.dynamodb(), Tables::default());
    store.create_tables().await.unwrap();
    store
}

fn place() -> Place {
    Place { region: "us-east-1".into(), account_id: "000000000000".into() }
}

#[tokio::test]
async fn a_demo_made_again_changes_nothing_but_what_was_used() {
    let store = store().await;
    make(&store, &place(), NOW).await.unwrap();
    let [plan, trial] = plans::all(NOW);
    let quota = trial.quota.unwrap();
    store.set_remaining(&trial.id, &plans::TRIAL_KEY.id(), quota, 0, NOW).await.unwrap();
    let before = store.usage_plan(&plan.id).await.unwrap();

    make(&store, &place(), NOW.plus(std::time::Duration::from_secs(1))).await.unwrap();

    assert_eq!(store.usage_plan(&plan.id).await.unwrap(), before);
    let today = NOW.date();
    let usage = store.usage(&trial, &plans::TRIAL_KEY.id(), today, today, NOW).await.unwrap();
    assert_eq!(usage[0].remaining, Some(2));
}

#[tokio::test]
async fn several_processes_can_make_one_demo_at_a_time() {
    let store = store().await;
    let place = place();
    let make = || make(&store, &place, NOW);
    let (a, b, c) = tokio::join!(make(), make(), make());
    a.and(b).and(c).unwrap();
}

#[tokio::test]
async fn a_key_that_is_somebody_elses_is_not_taken_over() {
    let store = store().await;
    make(&store, &place(), NOW).await.unwrap();
    store.delete_api_key(&plans::KEY.id()).await.unwrap();
    let (mut key, _) = store.api_key_with_value(&plans::TRIAL_KEY.id()).await.unwrap().unwrap();
    key.id = keyplan_domain::key::ApiKeyId::new("somebody00");
    let value = keyplan_domain::key::KeyValue::known(plans::KEY.value.into());
    store.create_api_key(&key, &value).await.unwrap();
    assert!(matches!(make(&store, &place(), NOW).await, Err(DemoError::Taken { .. })));
}

#[test]
fn the_commands_show_each_status_at_the_address_in_use() {
    let commands = Demo.commands("http://127.0.0.1:1234");
    assert_eq!(
        commands[0],
        r"curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:1234/demoheader/prod/hello # 403"
    );
    assert!(commands.iter().all(|command| command.starts_with("curl ")));
    for status in [" # 200", " # 403", " # 429"] {
        assert!(commands.iter().any(|command| command.ends_with(status)));
    }
}
