use proptest::prelude::*;

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
    key.granted(asking);
    key
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
            assert!(key.take(&limits, START));
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
        assert!(leased(&limits, 5).take(&limits, START));
        assert!(!leased(&limits, 5).take(&limits, over), "{over:?}");
    }
    assert!(!leased(&limits, 5).take(&quota(99_999, QuotaPeriod::Month), START));
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

/// The shared meter, as a table keeps it, and the processes that lease of it.
struct Shared {
    limits: Limits,
    cap: NonZeroU32,
    tat: Option<i128>,
    counts: Vec<(QuotaWindow, i64)>,
    processes: Vec<LeasedKey>,
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
        let processes = vec![LeasedKey::default(); processes];
        Self { limits, cap: self::cap(cap), tat: None, counts: Vec::new(), processes }
    }

    fn window(&self, now: Moment) -> Option<QuotaWindow> {
        self.limits.quota.map(|quota| quota.window(now.wall))
    }

    fn used(&self, now: Moment) -> i64 {
        let window = self.window(now);
        self.counts.iter().find(|(of, _)| Some(*of) == window).map_or(0, |(_, used)| *used)
    }

    fn state(&self, now: Moment) -> MeterState {
        MeterState { tat: self.tat, used: self.used(now), ..MeterState::default() }
    }

    /// A request at a process; `None` when it cannot know what became of it.
    fn request(&mut self, process: usize, now: Moment, waiting: u32, answer: Answer) -> Option<Result<(), Denied>> {
        let (limits, cap) = (self.limits, self.cap);
        if self.processes[process].take(&limits, now) {
            return Some(Ok(()));
        }
        let state = self.state(now);
        let asking = self.processes[process].ask(&limits, &state, now, cap, waiting);
        if answer == Answer::NeverSent {
            return None;
        }
        match limits.decide(&asking.stands(&state), now.wall, asking.tokens()) {
            Verdict::Admitted(next) => {
                self.tat = next.tat;
                if let Some(window) = self.window(now) {
                    self.counts.retain(|(of, _)| *of != window);
                    self.counts.push((window, next.used));
                }
                if answer == Answer::LostAfterwards {
                    return None;
                }
                self.processes[process].granted(asking);
                Some(Ok(()))
            }
            Verdict::Denied(denied) => {
                assert_eq!(asking.tokens(), ONE, "only one token that is refused is a refusal");
                self.processes[process].not_granted(asking);
                Some(Err(denied))
            }
            Verdict::Implausible(_) => panic!("a state of these very limits"),
        }
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
            Step::Crash { process } => shared.processes[process] = LeasedKey::default(),
            Step::Wait { millis } => elapsed += Duration::from_millis(millis),
            Step::DayEnds => elapsed += Duration::from_secs(86_400),
        }
    }
    (admitted, after(elapsed))
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
    fn no_process_holds_more_than_the_cap(steps in steps(true), limit in 1u32..9_000, most in 1u32..50) {
        let mut shared = Shared::new(quota(limit, QuotaPeriod::Day), most, 4);
        let (_, now) = run(&mut shared, &steps);
        for process in &shared.processes {
            prop_assert!(process.held(&shared.limits, now) <= most);
        }
    }
}
