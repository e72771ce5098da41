use proptest::prelude::*;

use super::*;
use crate::throttle::{Tat, ThrottleSettings};

const ONE: NonZeroU32 = NonZeroU32::MIN;
const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

fn gcra(rate_limit: f64, burst_limit: u32) -> Gcra {
    ThrottleSettings { burst_limit, rate_limit }.into()
}

fn after(elapsed: Duration) -> Moment {
    Moment { wall: NOON.plus(elapsed), monotonic: elapsed }
}

fn seen(tat: Tat) -> Option<Bucket> {
    Some(Bucket { tat, gcra: None })
}

const START: Moment = Moment { wall: NOON, monotonic: Duration::ZERO };

/// The shared bucket, as a table keeps it, and the processes that lease of it.
struct Shared {
    gcra: Gcra,
    bucket: Option<Bucket>,
    processes: Vec<LeasedBucket>,
}

impl Shared {
    fn new(gcra: Gcra, processes: usize) -> Self {
        Self { gcra, bucket: None, processes: vec![LeasedBucket::new(gcra); processes] }
    }

    /// A request that comes to a process: what it takes, after as many writes
    /// as the protocol needs.
    fn take(&mut self, process: usize, now: Moment, waiting: u32) -> Result<LeaseId, Option<Duration>> {
        match self.processes[process].take(now, waiting) {
            Taking::Taken(id) => Ok(id),
            Taking::Refused { wait } => Err(wait),
            Taking::Ask(wanted) => self.ask(process, now, wanted),
        }
    }

    fn ask(&mut self, process: usize, now: Moment, wanted: NonZeroU32) -> Result<LeaseId, Option<Duration>> {
        let fewer = NonZeroU32::new(wanted.get().min(self.gcra.available(self.bucket, now.wall))).unwrap_or(ONE);
        let bucket = &mut self.processes[process];
        match self.gcra.take(self.bucket, now.wall, fewer) {
            Ok(next) => {
                self.bucket = Some(next);
                Ok(bucket.granted(fewer, now, Some(next)))
            }
            Err(nonconforming) => {
                bucket.seen(self.bucket);
                match nonconforming {
                    Nonconforming::Wait(wait) => Err(Some(wait)),
                    Nonconforming::Never => Err(None),
                }
            }
        }
    }

    /// Tokens that processes could still spend without asking.
    fn outstanding(&self, now: Moment) -> u64 {
        let leases = self.processes.iter().filter_map(|process| process.lease);
        leases.filter(|lease| now.since(lease.from) < LIFE).map(|lease| u64::from(lease.left)).sum()
    }
}

#[test]
fn a_rate_or_burst_of_zero_refuses_without_asking() {
    for gcra in [gcra(0.0, 5), gcra(5.0, 0)] {
        assert_eq!(LeasedBucket::new(gcra).take(START, 1), Taking::Refused { wait: None });
    }
}

#[test]
fn the_first_request_asks_for_one_token_and_those_that_wait_for_theirs() {
    let mut bucket = LeasedBucket::new(gcra(1_000.0, 100));
    assert_eq!(bucket.take(START, 1), Taking::Ask(ONE));
    assert_eq!(bucket.take(START, 30), Taking::Ask(NonZeroU32::new(30).unwrap()));
    assert_eq!(bucket.take(START, 101), Taking::Ask(NonZeroU32::new(100).unwrap()));
}

#[test]
fn a_busy_process_leases_50_ms_of_the_rate_and_a_quiet_one_what_it_needs() {
    let asked = |used: u32, elapsed| {
        let mut bucket = LeasedBucket::new(gcra(1_000.0, 2_000));
        let tokens = NonZeroU32::new(used).unwrap();
        bucket.granted(tokens, START, None);
        for _ in 1..used {
            assert!(matches!(bucket.take(START, 1), Taking::Taken(_)));
        }
        match bucket.take(after(elapsed), 1) {
            Taking::Ask(wanted) => wanted.get(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked(50, Duration::from_millis(10)), 50);
    assert_eq!(asked(5, Duration::from_secs(1)), 10);
    assert_eq!(asked(1, Duration::from_secs(3_600)), 1);
}

#[test]
fn a_slow_rate_is_never_leased_ahead() {
    let mut shared = Shared::new(gcra(39.0, 100), 1);
    for millis in 0..10 {
        shared.take(0, after(Duration::from_millis(millis)), 1).unwrap();
        assert_eq!(shared.outstanding(after(Duration::from_millis(millis))), 0);
    }
}

#[test]
fn a_lease_ends_by_either_clock() {
    let of_wall = Moment { wall: NOON.plus(LIFE), monotonic: Duration::ZERO };
    let of_monotonic = Moment { wall: NOON, monotonic: LIFE };
    let set_back = Moment { wall: Timestamp::default(), monotonic: LIFE };
    for over in [of_wall, of_monotonic, set_back] {
        let mut bucket = LeasedBucket::new(gcra(1_000.0, 100));
        bucket.granted(NonZeroU32::new(5).unwrap(), START, None);
        assert!(matches!(bucket.take(START, 1), Taking::Taken(_)));
        assert!(matches!(bucket.take(over, 1), Taking::Ask(_)), "{over:?}");
    }
}

#[test]
fn a_token_that_goes_back_is_the_next_requests() {
    let mut shared = Shared::new(gcra(1.0, 1), 1);
    let id = shared.take(0, START, 1).unwrap();
    assert_eq!(shared.take(0, START, 1), Err(Some(Duration::from_secs(1))));
    shared.processes[0].give_back(id);
    assert_eq!(shared.take(0, START, 1), Ok(id));
}

#[test]
fn a_token_of_a_lease_that_is_over_is_lost() {
    let mut shared = Shared::new(gcra(1.0, 1), 1);
    let first = shared.take(0, START, 1).unwrap();
    let second = after(Duration::from_secs(1));
    shared.take(0, second, 1).unwrap();
    shared.processes[0].give_back(first);
    assert!(shared.take(0, second, 1).is_err());
}

#[test]
fn an_empty_bucket_is_not_asked_again_before_a_token_is_back() {
    let mut shared = Shared::new(gcra(1.0, 1), 2);
    shared.take(0, START, 1).unwrap();
    assert_eq!(shared.take(1, START, 1), Err(Some(Duration::from_secs(1))));
    let almost = after(Duration::from_nanos(999_999_999));
    for process in [0, 1] {
        let refused = Taking::Refused { wait: Some(Duration::from_nanos(1)) };
        assert_eq!(shared.processes[process].take(almost, 1), refused);
    }
    assert_eq!(shared.processes[1].take(after(Duration::from_secs(1)), 1), Taking::Ask(ONE));
}

#[test]
fn other_settings_end_the_lease_and_what_was_seen() {
    let mut bucket = LeasedBucket::new(gcra(1.0, 2));
    let id = bucket.granted(ONE, START, seen(i128::from(NOON.plus(Duration::from_secs(2)).as_nanos())));
    bucket.keep_to(gcra(1.0, 2));
    assert!(matches!(bucket.take(START, 1), Taking::Refused { .. }));
    bucket.keep_to(gcra(2.0, 2));
    assert_eq!(bucket.take(START, 1), Taking::Ask(ONE));
    bucket.granted(ONE, START, None);
    bucket.give_back(id);
    assert!(matches!(bucket.take(START, 1), Taking::Ask(_)), "a token of the lease before went back");
}

#[test]
fn a_debt_that_these_settings_cannot_reach_proves_nothing() {
    let mut bucket = LeasedBucket::new(gcra(10.0, 5));
    bucket.seen(seen(Tat::MAX));
    assert_eq!(bucket.take(START, 1), Taking::Ask(ONE));
}

#[test]
fn unasked_a_bucket_gives_its_lease_then_its_burst_and_its_rate() {
    let mut bucket = LeasedBucket::new(gcra(2.0, 5));
    let table = gcra(2.0, 5).admit(None, NOON, NonZeroU32::new(2).unwrap()).unwrap();
    bucket.granted(NonZeroU32::new(2).unwrap(), START, seen(table));
    // One is left of the lease, and three of the bucket.
    for _ in 0..4 {
        assert!(bucket.take_unasked(START).is_ok());
    }
    let half_a_second = Duration::from_millis(500);
    assert_eq!(bucket.take_unasked(START), Err(Some(half_a_second)));
    assert!(bucket.take_unasked(after(half_a_second)).is_ok());
    assert!(bucket.take_unasked(after(half_a_second)).is_err());
}

#[test]
fn a_token_taken_unasked_goes_back_as_any_other() {
    let mut bucket = LeasedBucket::new(gcra(1.0, 1));
    let id = bucket.take_unasked(START).unwrap();
    assert!(bucket.take_unasked(START).is_err());
    bucket.give_back(id);
    assert!(bucket.take_unasked(START).is_ok());
    assert_eq!(LeasedBucket::new(gcra(0.0, 1)).take_unasked(START), Err(None));
}

proptest! {
    #[test]
    fn from_idle_a_strict_bucket_admits_exactly_its_burst(
        rate in 0.01f64..39.0,
        burst in 1u32..100,
        order in prop::collection::vec(0usize..4, 300),
    ) {
        let mut shared = Shared::new(gcra(rate, burst), 4);
        let admitted = order.iter().filter(|process| shared.take(**process, START, 1).is_ok()).count();
        prop_assert_eq!(u32::try_from(admitted).unwrap(), burst);
    }

    #[test]
    fn from_idle_one_process_admits_exactly_the_burst(rate in 40.0f64..50_000.0, burst in 1u32..300, waiting in 1u32..40) {
        let mut shared = Shared::new(gcra(rate, burst), 1);
        let admitted = (0..400).filter(|_| shared.take(0, START, waiting).is_ok()).count();
        prop_assert_eq!(u32::try_from(admitted).unwrap(), burst);
    }

    #[test]
    fn no_window_admits_more_than_gcra_and_the_leases_it_began_with(
        rate in prop_oneof![1.0f64..40.0, 40.0f64..20_000.0],
        burst in 1u32..200,
        processes in 1usize..6,
        requests in prop::collection::vec((0usize..6, 0u64..200_000_000, 1u32..20, prop::bool::weighted(0.2)), 1..300),
    ) {
        let gcra = gcra(rate, burst);
        let period = gcra.nanos_to_refill().unwrap() / i128::from(burst);
        let mut shared = Shared::new(gcra, processes);
        let mut now = START;
        // Moments at which a request came: what was outstanding, and how many were admitted before.
        let mut moments = Vec::new();
        let mut admitted = 0u64;
        for (process, gap, waiting, is_refused_elsewhere) in requests {
            now = after(now.monotonic + Duration::from_nanos(gap));
            moments.push((now.monotonic, shared.outstanding(now), admitted));
            if let Ok(id) = shared.take(process % processes, now, waiting) {
                if is_refused_elsewhere {
                    shared.processes[process % processes].give_back(id);
                } else {
                    admitted += 1;
                }
            }
            for (began, outstanding, before) in &moments {
                let window = i128::try_from((now.monotonic - *began).as_nanos()).unwrap();
                let most = u64::from(burst) + u64::try_from(window / period).unwrap() + outstanding;
                prop_assert!(admitted - before <= most, "{} of {most}", admitted - before);
            }
        }
        prop_assert!(shared.outstanding(now) <= u64::try_from(processes).unwrap() * u64::from(burst));
    }
}
