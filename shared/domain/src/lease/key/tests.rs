use proptest::prelude::*;

use super::demand::PATIENCE;
use super::*;
use crate::admission::{Denied, Verdict};
use crate::quota::{QuotaPeriod, QuotaSettings};
use crate::throttle::{Gcra, ThrottleSettings};

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// 2026-11-23, noon, a Monday.
const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);
const TO_MIDNIGHT: Duration = Duration::from_secs(12 * 3_600);

fn after(elapsed: Duration) -> Moment {
    Moment { wall: NOON.plus(elapsed), monotonic: elapsed }
}

const START: Moment = Moment { wall: NOON, monotonic: Duration::ZERO };

fn cap(tokens: u32) -> NonZeroU32 {
    NonZeroU32::new(tokens).unwrap()
}

fn quota(limit: u32, period: QuotaPeriod) -> Limits {
    Limits { throttle: None, method: None, quota: Some(QuotaSettings { limit, offset: 0, period }) }
}

fn throttled(rate_limit: f64, burst_limit: u32) -> Limits {
    let throttle: Gcra = ThrottleSettings { rate_limit, burst_limit }.into();
    Limits { throttle: Some(throttle), method: None, quota: None }
}

/// A lease of `tokens` of which one is used.
fn leased(limits: &Limits, tokens: u32) -> LeasedKey {
    let mut key = LeasedKey::default();
    let asking = key.ask(limits, &MeterState::default(), START, cap(tokens), tokens);
    assert_eq!(asking.tokens(), cap(tokens));
    key.granted(asking, &MeterState::default());
    assert_eq!(key.take(limits, START), Taking::Taken);
    key
}

/// Whether one of its tokens can be taken.
fn takes(key: &mut LeasedKey, limits: &Limits, now: Moment) -> bool {
    key.take(limits, now) == Taking::Taken
}

fn asked(limits: &Limits, state: &MeterState, most: u32) -> u32 {
    LeasedKey::default().ask(limits, state, START, cap(most), u32::MAX).tokens().get()
}

#[test]
fn a_lease_is_at_most_the_cap_a_quarter_of_the_burst_and_a_64th_of_what_is_left() {
    let idle = MeterState::default();
    let unlimited = Limits { throttle: None, method: None, quota: None };
    assert_eq!(asked(&unlimited, &idle, 100), 100);
    assert_eq!(asked(&throttled(10.0, 40), &idle, 100), 10);
    assert_eq!(asked(&throttled(10.0, 3), &idle, 100), 1);
    let daily = quota(1_000, QuotaPeriod::Day);
    assert_eq!(asked(&daily, &MeterState { used: 360, ..idle.clone() }, 100), 10);
    assert_eq!(asked(&daily, &MeterState { used: 1_000, ..idle }, 100), 1);
}

#[test]
fn a_process_leases_what_it_lately_used_and_one_token_if_that_is_long_ago() {
    let limits = quota(1_000_000, QuotaPeriod::Month);
    let state = MeterState::default();
    let after_using = |used: u32, elapsed| {
        let mut key = leased(&limits, used);
        for _ in 1..used {
            assert!(takes(&mut key, &limits, START));
        }
        key.ask(&limits, &state, after(elapsed), cap(1_000), 1).tokens().get()
    };
    assert_eq!(after_using(10, Duration::from_secs(1)), 20);
    assert_eq!(after_using(10, Duration::from_millis(10)), 1_000);
    assert_eq!(after_using(10, Duration::from_secs(3_600)), 1);
}

#[test]
fn a_lease_ends_by_either_clock_with_its_day_and_with_its_limits() {
    let limits = quota(100_000, QuotaPeriod::Month);
    let of_wall = Moment { wall: NOON.plus(LIFE), monotonic: Duration::ZERO };
    let of_monotonic = Moment { wall: NOON, monotonic: LIFE };
    let yesterday = Moment { wall: Timestamp::from_seconds(NOON.as_seconds() - 86_400), monotonic: Duration::ZERO };
    for over in [of_wall, of_monotonic, yesterday] {
        assert!(takes(&mut leased(&limits, 5), &limits, START));
        assert!(!takes(&mut leased(&limits, 5), &limits, over), "{over:?}");
    }
    assert!(!takes(&mut leased(&limits, 5), &quota(99_999, QuotaPeriod::Month), START));
}

#[test]
fn what_a_lease_left_over_is_settled_by_the_next_write_of_its_counter() {
    let limits = quota(100_000, QuotaPeriod::Month);
    let state = MeterState::default();
    let settled = |limits: &Limits, now| {
        leased(&self::quota(100_000, QuotaPeriod::Month), 5).ask(limits, &state, now, cap(10), 10).settled()
    };
    assert_eq!(settled(&limits, after(LIFE)), 4);
    assert_eq!(settled(&limits, after(TO_MIDNIGHT)), 4);
    assert_eq!(settled(&quota(200_000, QuotaPeriod::Month), START), 4);
    assert_eq!(settled(&quota(100_000, QuotaPeriod::Day), START), 0);
    assert_eq!(settled(&limits, after(Duration::from_secs(30 * 86_400))), 0);
}

#[test]
fn a_rest_is_settled_once_and_lost_with_an_unknown_outcome() {
    let limits = quota(100_000, QuotaPeriod::Month);
    let state = MeterState::default();
    let mut key = leased(&limits, 5);
    let refused = key.ask(&limits, &state, after(LIFE), cap(10), 3);
    assert_eq!((refused.settled(), key.held(&limits, after(LIFE))), (3, 1));
    key.not_granted(refused);
    let lost = key.ask(&limits, &state, after(LIFE), cap(10), 3);
    assert_eq!((lost.settled(), key.held(&limits, after(LIFE))), (3, 1));
    drop(lost);
    assert_eq!(key.ask(&limits, &state, after(LIFE), cap(10), 3).settled(), 1);
    assert_eq!(key.held(&limits, after(LIFE)), 0);
}

fn bucket(tat: i128) -> Option<Bucket> {
    Some(Bucket { tat, gcra: None })
}

/// A process that has refused more than it admitted, of a bucket that is empty,
/// and reserves.
fn short(limits: &Limits, tat: i128, most: u32) -> (LeasedKey, i128) {
    let mut key = LeasedKey::default();
    let state = MeterState { bucket: bucket(tat), ..MeterState::default() };
    let first = key.ask(limits, &state, START, ONE, 1);
    key.not_granted(first);
    let before = Moment { wall: Timestamp::from_nanos(NOON.as_nanos() - 100_000_000), ..START };
    for _ in 0..10 * most {
        key.refused(before);
    }
    let asking = key.ask(limits, &state, START, cap(most + 1), 1);
    let next = match asking.limits().decide(&state, NOON, asking.tokens()) {
        Verdict::Admitted(next) => next,
        verdict => panic!("{verdict:?}"),
    };
    key.granted(asking, &next);
    let next = next.bucket.unwrap().tat;
    (key, next)
}

/// The TAT of a bucket that is empty at noon.
fn empty(limits: &Limits) -> i128 {
    limits.throttle.unwrap().furthest(NOON)
}

#[test]
fn beyond_twice_the_rate_a_process_reserves_half_of_what_comes_due_soon() {
    let limits = throttled(100.0, 20);
    let reserved = |most| {
        let (key, _) = short(&limits, empty(&limits), most);
        key.leased(&limits, START)
    };
    // Half a second brings 50.
    assert_eq!((reserved(10), reserved(25), reserved(1_000)), (10, 25, 25));
    // What comes due later than that is nobody's yet.
    let state = MeterState { bucket: bucket(empty(&limits) + 500_000_000), ..MeterState::default() };
    let (mut key, _) = short(&limits, empty(&limits), 10);
    (0..50).for_each(|_| key.refused(START));
    let asking = key.ask(&limits, &state, START, cap(10), 1);
    assert!(matches!(asking.limits().decide(&state, NOON, asking.tokens()), Verdict::Denied(_)));
}

#[test]
fn up_to_twice_the_rate_nothing_is_reserved() {
    let limits = throttled(100.0, 20);
    let ahead = Limits { throttle: limits.throttle.map(Gcra::ahead), ..limits };
    let asked = |admitted: u32, refused: u32, later: Duration| {
        let mut key = leased(&limits, 5);
        key.refused(START);
        (0..admitted).for_each(|_| assert!(takes(&mut key, &limits, START)));
        (1..refused).for_each(|_| key.refused(START));
        let tat = limits.throttle.unwrap().furthest(after(later).wall);
        let asking =
            key.ask(&limits, &MeterState { bucket: bucket(tat), ..MeterState::default() }, after(later), cap(10), 1);
        (asking.tokens().get(), *asking.limits())
    };
    assert_eq!(asked(3, 3, PATIENCE), (1, limits));
    assert_eq!(asked(3, 4, PATIENCE), (9, ahead));
    let sooner = PATIENCE - Duration::from_nanos(1);
    assert_eq!(asked(3, 4, sooner), (1, limits));
}

#[test]
fn what_is_reserved_and_not_used_is_settled() {
    let limits = Limits { quota: quota(100_000, QuotaPeriod::Month).quota, ..throttled(100.0, 20) };
    let (mut key, tat) = short(&limits, empty(&limits), 10);
    assert!(takes(&mut key, &limits, after(Duration::from_millis(10))));
    assert_eq!(key.held(&limits, after(LIFE)), 9);
    let state = MeterState { bucket: bucket(tat), used: 10, ..MeterState::default() };
    assert_eq!(key.ask(&limits, &state, after(LIFE), cap(10), 10).settled(), 9);
}

/// The shared meter, as a table keeps it, and the processes that lease of it.
struct Shared {
    limits: Limits,
    cap: NonZeroU32,
    bucket: Option<Bucket>,
    counts: Vec<(QuotaWindow, i64)>,
    processes: Vec<LeasedKey>,
    /// The bucket that each has seen last: what it proves needs no write.
    seen: Vec<Option<Bucket>>,
    writes: u32,
}

/// What becomes of the answer to a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Arrives,
    LostAfterwards,
    NeverSent,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Request { process: usize, waiting: u32, answer: Answer },
    Crash { process: usize },
    Wait { millis: u64 },
    DayEnds,
}

impl Shared {
    fn new(limits: Limits, cap: u32, processes: usize) -> Self {
        let seen = vec![None; processes];
        let processes = vec![LeasedKey::default(); processes];
        Self { limits, cap: self::cap(cap), bucket: None, counts: Vec::new(), processes, seen, writes: 0 }
    }

    fn window(&self, now: Moment) -> Option<QuotaWindow> {
        self.limits.quota.map(|quota| quota.window(now.wall))
    }

    fn used(&self, now: Moment) -> i64 {
        let window = self.window(now);
        self.counts.iter().find(|(of, _)| Some(*of) == window).map_or(0, |(_, used)| *used)
    }

    fn state(&self, now: Moment) -> MeterState {
        MeterState { bucket: self.bucket, used: self.used(now), ..MeterState::default() }
    }

    /// A request at a process; `None` when it cannot know what became of it.
    fn request(&mut self, process: usize, now: Moment, waiting: u32, answer: Answer) -> Option<Result<(), Denied>> {
        let (limits, cap) = (self.limits, self.cap);
        if let Some(known) = decided(self.processes[process].take(&limits, now)) {
            return Some(known);
        }
        let known = MeterState { bucket: self.seen[process], ..MeterState::default() };
        if let Some(denied) = limits.denies(&known, now.wall) {
            self.processes[process].refused(now);
            return Some(Err(denied));
        }
        let state = self.state(now);
        let asking = self.processes[process].ask(&limits, &state, now, cap, waiting);
        if answer == Answer::NeverSent {
            return None;
        }
        self.writes += 1;
        let state = asking.stands(&state);
        match asking.limits().decide(&state, now.wall, asking.tokens()) {
            Verdict::Admitted(next) => {
                self.bucket = next.bucket;
                if let Some(window) = self.window(now) {
                    self.counts.retain(|(of, _)| *of != window);
                    self.counts.push((window, next.used));
                }
                if answer == Answer::LostAfterwards {
                    return None;
                }
                self.seen[process] = self.bucket;
                self.processes[process].granted(asking, &next);
                decided(self.processes[process].take(&limits, now))
            }
            Verdict::Denied(_) => {
                assert_eq!(asking.tokens(), ONE, "only one token that is refused is a refusal");
                self.seen[process] = self.bucket;
                self.processes[process].not_granted(asking);
                self.processes[process].refused(now);
                Some(Err(limits.denies(&state, now.wall).expect("what is not even reserved is not admitted")))
            }
            Verdict::Outdated(_) => panic!("a state of these very limits"),
        }
    }
}

/// What a lease says of a request, if it does.
fn decided(taking: Taking) -> Option<Result<(), Denied>> {
    match taking {
        Taking::Taken => Some(Ok(())),
        Taking::Refused { wait } => Some(Err(Denied::Throttled { wait: Some(wait) })),
        Taking::Ask => None,
    }
}

fn steps(faults: bool) -> impl Strategy<Value = Vec<Step>> {
    let lost = if faults { 1 } else { 0 };
    let answer = prop_oneof![
        12 => Just(Answer::Arrives),
        lost => Just(Answer::LostAfterwards),
        lost => Just(Answer::NeverSent),
    ];
    let step = prop_oneof![
        40 => (0usize..4, 1u32..40, answer)
            .prop_map(|(process, waiting, answer)| Step::Request { process, waiting, answer }),
        4 => (0u64..1_500).prop_map(|millis| Step::Wait { millis }),
        lost => (0usize..4).prop_map(|process| Step::Crash { process }),
        lost => Just(Step::DayEnds),
    ];
    proptest::collection::vec(step, 0..1_200)
}

/// Runs steps and says when requests were admitted.
fn run(shared: &mut Shared, steps: &[Step]) -> (Vec<Moment>, Moment) {
    let mut elapsed = Duration::ZERO;
    let mut admitted = Vec::new();
    for step in steps {
        match *step {
            Step::Request { process, waiting, answer } => {
                if shared.request(process, after(elapsed), waiting, answer) == Some(Ok(())) {
                    admitted.push(after(elapsed));
                }
            }
            Step::Crash { process } => {
                shared.processes[process] = LeasedKey::default();
                shared.seen[process] = None;
            }
            Step::Wait { millis } => elapsed += Duration::from_millis(millis),
            Step::DayEnds => elapsed += Duration::from_secs(86_400),
        }
    }
    (admitted, after(elapsed))
}

/// Requests evenly spaced, at `load` times the rate, at processes in turn.
fn even(shared: &mut Shared, rate: u32, load: u32, seconds: u32) -> (u32, u32) {
    let gap = Duration::from_secs(1) / (rate * load);
    let (mut admitted, mut refused) = (0, 0);
    for request in 0..rate * load * seconds {
        // Not the same process at the same time of each token.
        let process = usize::try_from(request.wrapping_mul(2_654_435_761) >> 16).unwrap() % shared.processes.len();
        match shared.request(process, after(gap * request), 1, Answer::Arrives) {
            Some(Ok(())) => admitted += 1,
            Some(Err(_)) => refused += 1,
            None => panic!("every answer arrives"),
        }
    }
    (admitted, refused)
}

#[test]
fn at_four_times_the_rate_eight_processes_admit_all_of_it_and_write_once_in_twenty_refusals() {
    for (rate, burst, most) in [(200, 10, 10), (200, 200, 10), (2_000, 1_000, 100), (1_000, 1, 50)] {
        let mut shared = Shared::new(throttled(f64::from(rate), burst), most, 8);
        let (admitted, refused) = even(&mut shared, rate, 4, 20);
        let all = 20 * rate + burst;
        assert!(admitted <= all && admitted * 100 >= all * 99, "{admitted} of {all}");
        assert!(shared.writes * 20 <= refused, "{} writes, {refused} refused", shared.writes);
    }
}

proptest! {
    #[test]
    fn no_interleaving_exceeds_a_quota(
        steps in steps(true),
        limit in 1u32..900,
        most in 1u32..50,
        period in prop_oneof![Just(QuotaPeriod::Day), Just(QuotaPeriod::Week), Just(QuotaPeriod::Month)],
    ) {
        let mut shared = Shared::new(quota(limit, period), most, 4);
        let (admitted, _) = run(&mut shared, &steps);
        for (window, used) in &shared.counts {
            let of_window = admitted.iter().filter(|at| shared.window(**at) == Some(*window)).count();
            prop_assert!(*used <= i64::from(limit));
            prop_assert!(i64::try_from(of_window).unwrap() <= *used, "{of_window} of {used}");
        }
    }

    #[test]
    fn without_failures_all_of_a_quota_is_admitted(steps in steps(false), limit in 1u32..900, most in 1u32..50) {
        let mut shared = Shared::new(quota(limit, QuotaPeriod::Month), most, 4);
        let (admitted, now) = run(&mut shared, &steps);
        let mut admitted = u32::try_from(admitted.len()).unwrap();
        // Each process goes on until it is refused.
        for process in 0..4 {
            while shared.request(process, now, 1, Answer::Arrives) == Some(Ok(())) {
                admitted += 1;
            }
        }
        prop_assert_eq!(admitted, limit);
    }

    #[test]
    fn no_window_admits_more_than_burst_and_rate_and_what_was_leased(
        steps in steps(true),
        rate in 1.0f64..200.0,
        burst in 1u32..200,
        most in 1u32..50,
    ) {
        let limits = throttled(rate, burst);
        let mut shared = Shared::new(limits, most, 4);
        let (admitted, _) = run(&mut shared, &steps);
        let at: Vec<f64> = admitted.iter().map(|at| at.monotonic.as_secs_f64()).collect();
        let ahead = f64::from(4 * (most - 1)).min(f64::from(burst) + rate * LIFE.as_secs_f64());
        for first in 0..at.len() {
            for last in first..at.len() {
                let bound = f64::from(burst) + rate * (at[last] - at[first]) + ahead;
                prop_assert!(f64::from(u32::try_from(last - first + 1).unwrap()) <= bound + 1e-6);
            }
        }
    }

    #[test]
    fn a_reserved_token_is_refused_until_exactly_the_promised_instant_and_then_taken(
        rate in 3.0f64..10_000.0,
        burst in 1u32..50,
        most in 1u32..50,
        early in 0u64..1_000_000_000,
    ) {
        let limits = throttled(rate, burst);
        let (mut key, _) = short(&limits, empty(&limits), most);
        let mut elapsed = Duration::ZERO;
        while key.leased(&limits, after(elapsed)) > 0 {
            let Taking::Refused { wait } = key.take(&limits, after(elapsed)) else { panic!("taken too soon") };
            let sooner = Duration::from_nanos(1 + early % u64::try_from(wait.as_nanos()).unwrap());
            let left = Taking::Refused { wait: sooner };
            prop_assert_eq!(key.take(&limits, after(elapsed + wait - sooner)), left);
            elapsed += wait;
            prop_assert_eq!(key.take(&limits, after(elapsed)), Taking::Taken);
        }
        prop_assert!(elapsed <= AHEAD);
    }

    /// Each admits as soon as a token comes due, so all together admit what one
    /// bucket would that everybody asks in turn.
    #[test]
    fn what_is_reserved_is_admitted_as_a_bucket_would(rate in 5.0f64..5_000.0, burst in 1u32..50, most in 1u32..50) {
        let limits = throttled(rate, burst);
        let gcra = limits.throttle.unwrap();
        let (_, first) = short(&limits, empty(&limits), most);
        let (mut key, _) = short(&limits, first, most);
        let mut due = Vec::new();
        let mut elapsed = Duration::ZERO;
        while key.leased(&limits, after(elapsed)) > 0 {
            let Taking::Refused { wait } = key.take(&limits, after(elapsed)) else { panic!("taken too soon") };
            elapsed += wait;
            due.push(elapsed);
            prop_assert_eq!(key.take(&limits, after(elapsed)), Taking::Taken);
        }
        let mut tat = first;
        for at in due {
            let now = NOON.plus(at);
            prop_assert!(gcra.admit(Some(tat), Timestamp::from_nanos(now.as_nanos() - 1), ONE).is_err());
            tat = gcra.admit(Some(tat), now, ONE).unwrap();
        }
    }

    #[test]
    fn no_process_holds_more_than_the_cap(steps in steps(true), limit in 1u32..9_000, most in 1u32..50) {
        let mut shared = Shared::new(quota(limit, QuotaPeriod::Day), most, 4);
        let (_, now) = run(&mut shared, &steps);
        for process in &shared.processes {
            prop_assert!(process.held(&shared.limits, now) <= most);
        }
    }
}
