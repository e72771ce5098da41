use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use keyplan_domain::api::MethodSetting;
use keyplan_domain::outage::OnFailure;
use keyplan_domain::quota::{QuotaPeriod, QuotaSettings};
use keyplan_domain::throttle::ThrottleSettings;

use super::*;
use crate::testing::request;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const OTHER: &str = "another-key-value-of-enough-characters";

/// A line to a DynamoDB, which can be cut.
struct Line {
    shared: Arc<Shared>,
    url: String,
}

#[derive(Default)]
struct Shared {
    is_cut: AtomicBool,
    /// Connections that were refused.
    refused: AtomicU32,
    open: Mutex<Vec<TcpStream>>,
}

impl Line {
    fn to(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if accepting.is_cut.load(Ordering::SeqCst) {
                    accepting.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let far = TcpStream::connect(&upstream).unwrap();
                for (mut from, mut to) in [(&near, &far), (&far, &near)].map(|(a, b)| (copy_of(a), copy_of(b))) {
                    std::thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                accepting.open.lock().unwrap().push(near);
            }
        });
        Self { shared, url }
    }

    fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::SeqCst);
        for connection in self.shared.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::SeqCst);
    }

    /// Connections that were refused since this was last asked.
    fn refused(&self) -> u32 {
        self.shared.refused.swap(0, Ordering::SeqCst)
    }
}

fn copy_of(stream: &TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.try_clone().unwrap()
}

/// `ANY /pets/{petId}`, which requires a key, and `ANY /`, which does not; and
/// the line by which the gateway reaches its tables. The test does by another.
async fn bench(on_failure: OnFailure) -> (Bench, Line) {
    let mut bench = Bench::of_pet_and_root(true).await;
    let line = Line::to(bench.connection.endpoint_url.as_ref().unwrap());
    let connection = Connection::new("us-east-1", Some(line.url.clone()), bench.connection.credentials.clone());
    let store = Store::new(connection.dynamodb(), Tables::default());
    let settings = Settings { on_failure, ..settings() };
    bench.gateway = Gateway::new(settings, store, bench.lambda_client.clone(), bench.clock.clone());
    (bench, line)
}

impl Bench {
    async fn with_key(&self, value: &str) -> u16 {
        self.call(get_pet().with("x-api-key", value)).await.status().as_u16()
    }

    async fn without_key(&self) -> u16 {
        self.call(request("GET", &format!("/{API}/prod/"))).await.status().as_u16()
    }

    /// Calls that find out that the tables are out.
    async fn find_out(&self) {
        for _ in 0..3 {
            self.with_key(VALUE).await;
        }
    }
}

#[tokio::test]
async fn what_was_read_stands_in_while_the_tables_are_out_and_what_is_unknown_fails() {
    let (bench, line) = bench(OnFailure::ByLimits).await;
    let (key, _) = bench.key_in_plan(|_| ()).await;
    assert_eq!(bench.with_key(VALUE).await, 200);
    line.cut();
    bench.clock.advance(6 * SECOND);
    bench.find_out().await;
    line.refused();
    bench
        .store
        .update_api_key(&key, |key| {
            key.enabled = false;
            Ok::<_, ()>(())
        })
        .await
        .unwrap();
    for _ in 0..50 {
        assert_eq!((bench.with_key(VALUE).await, bench.without_key().await), (200, 200));
    }
    let unknown = bench.call(get_pet().with("x-api-key", OTHER)).await;
    assert_eq!(gist(&unknown), (500, Some("InternalServerErrorException"), "{\"message\":\"Internal server error\"}"));
    assert_eq!(bench.call(request("GET", &format!("/{API}/test/"))).await.status(), 500);
    assert_eq!(line.refused(), 0, "nobody asks the tables");
    line.mend();
    bench.clock.advance(SECOND);
    while bench.with_key(VALUE).await != 403 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_was_read_stands_in_for_an_hour_and_what_was_dropped_for_nothing() {
    let (bench, line) = bench(OnFailure::ByLimits).await;
    bench.key_in_plan(|_| ()).await;
    assert_eq!(bench.with_key(VALUE).await, 200);
    line.cut();
    bench.clock.advance(6 * SECOND);
    bench.find_out().await;
    bench.clock.advance(HOUR - 2 * SECOND);
    assert_eq!(bench.with_key(VALUE).await, 200);
    bench.clock.advance(2 * SECOND);
    assert_eq!(bench.with_key(VALUE).await, 500);
    let (bench, line) = self::bench(OnFailure::ByLimits).await;
    bench.key_in_plan(|_| ()).await;
    assert_eq!(bench.with_key(VALUE).await, 200);
    line.cut();
    bench.gateway.drop_caches();
    assert_eq!(bench.with_key(VALUE).await, 500);
}

#[tokio::test]
async fn the_mode_decides_what_a_quota_a_throttle_and_no_limit_get() {
    for (on_failure, of_quota, of_throttle, of_none) in [
        (OnFailure::ByLimits, [500; 4], [200, 200, 429, 429], [200; 4]),
        (OnFailure::Open, [200, 200, 429, 429], [200, 200, 429, 429], [200; 4]),
        (OnFailure::Closed, [500; 4], [500; 4], [500; 4]),
    ] {
        for (kind, expected) in [("quota", of_quota), ("throttle", of_throttle), ("none", of_none)] {
            let (bench, line) = bench(on_failure).await;
            bench
                .key_in_plan(|plan| match kind {
                    "quota" => plan.quota = Some(QuotaSettings { limit: 3, offset: 0, period: QuotaPeriod::Day }),
                    "throttle" => plan.throttle = Some(ThrottleSettings { burst_limit: 3, rate_limit: 0.01 }),
                    _ => {}
                })
                .await;
            let other = bench.key(OTHER).await;
            let plan = bench.plan(|_| ()).await;
            bench.store.add_plan_key(&plan, &other, NOON).await.unwrap();
            assert_eq!((bench.with_key(VALUE).await, bench.with_key(OTHER).await), (200, 200));
            line.cut();
            for _ in 0..3 {
                bench.with_key(OTHER).await;
            }
            let mut statuses = Vec::new();
            for _ in 0..4 {
                statuses.push(bench.with_key(VALUE).await);
            }
            assert_eq!(statuses, expected, "{on_failure:?}, {kind}");
        }
    }
}

#[tokio::test]
async fn a_stages_throttle_goes_on_in_every_mode() {
    for on_failure in [OnFailure::ByLimits, OnFailure::Open, OnFailure::Closed] {
        let (bench, line) = bench(on_failure).await;
        bench
            .edit(|definition| {
                let stage = definition.stages.get_mut("prod").unwrap();
                let setting = MethodSetting {
                    throttling_rate_limit: 0.01,
                    throttling_burst_limit: 3,
                    ..MethodSetting::default()
                };
                stage.method_settings.insert("*/*".to_owned(), setting);
            })
            .await;
        bench.key_in_plan(|_| ()).await;
        assert_eq!((bench.with_key(VALUE).await, bench.without_key().await), (200, 200));
        line.cut();
        // Those of another bucket, which find out.
        bench.find_out().await;
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(bench.without_key().await);
        }
        assert_eq!(statuses, [200, 200, 429], "{on_failure:?}");
    }
}
