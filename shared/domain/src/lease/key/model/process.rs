//! One process that serves requests for the key, one after another, as the
//! store's `spend` and `spend_leased` do.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::civil::Date;

use super::super::{Asking, Counter, LeasedKey, Taking};
use super::table::Table;
use crate::admission::write::{ATTEMPTS, Form, GUESSES, Spending, form};
use crate::admission::{Denied, Limits, MeterState, Verdict};
use crate::lease::Moment;
use crate::throttle::Gcra;
use crate::time::Timestamp;

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// How long a process believes what proves a refusal.
const PROVES_FOR: Duration = Duration::from_secs(5);

/// What a process knows and does.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Process {
    /// By how many nanoseconds its clock is ahead of the true time.
    pub(super) skew: i64,
    /// The version of the plan that it knows.
    pub(super) version: usize,
    pub(super) leased: LeasedKey,
    seen: Option<(Table, Timestamp)>,
    pub(super) request: Option<Request>,
}

/// A request that is being served.
#[derive(Clone, Debug, Hash)]
pub(super) struct Request {
    pub(super) limits: Limits,
    arrived: Moment,
    attempt: u32,
    pub(super) write: Write,
    pub(super) asking: Option<Asking>,
    pub(super) at: Stage,
}

/// How far its present write is.
#[derive(Clone, Debug, Hash)]
pub(super) enum Stage {
    /// Under way. The second of two is the last.
    Sent { is_again: bool },
    /// Answered: whether its condition held, and the meter as it is now.
    Answered { is_written: bool, table: Table },
}

/// A write under way, or one of which nobody waits for the answer.
#[derive(Clone, Debug, Hash)]
pub(super) struct Write {
    limits: Limits,
    state: MeterState,
    pub(super) from: Moment,
    pub(super) tokens: NonZeroU32,
    pub(super) settled: u32,
    attempt: u32,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decided {
    /// Admitted, by the process's clock at this moment.
    Admitted { limits: Limits, at: Timestamp },
    /// Refused, likewise.
    Refused { limits: Limits, at: Timestamp, denied: Denied },
    /// Not yet, or answered with an error.
    Not,
}

/// How a process is made to err, to show that the search would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// It asks its lease as of the moment it was granted.
    LeaseOutlivesItsPeriod,
    /// It takes an answer that was lost for a grant.
    LostAnswerIsAGrant,
    /// It keeps what it has settled.
    RestIsSettledTwice,
    /// It takes what is reserved for what is leased.
    ReservedIsTakenAtOnce,
    /// It refuses when a condition fails, whatever the state shows.
    RefusesWithoutProof,
}

/// What a process is told at each step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) cap: NonZeroU32,
    /// Whether it compares and sets as soon as its first guess was wrong.
    pub(super) is_impatient: bool,
    pub(super) fault: Option<Fault>,
}

impl Write {
    /// Carries it out on `table`.
    pub(super) fn commit(&self, table: &mut Table) -> bool {
        let spending =
            Spending { limits: &self.limits, now: self.from.wall, tokens: self.tokens, settled: self.settled };
        self.form().is_ok_and(|form| table.write(&spending, &form))
    }

    pub(super) fn is_repair(&self) -> bool {
        self.form().is_ok_and(|form| form.is_repair())
    }

    fn form(&self) -> Result<Form<'_>, Denied> {
        form(&self.limits, &self.state, self.from.wall, self.tokens, self.attempt)
    }
}

impl Process {
    /// One that has just begun and knows this version of the plan.
    pub(super) fn new(skew: i64, version: usize) -> Self {
        Self { skew, version, ..Self::default() }
    }

    /// A request comes: decided without a write, or else a write is sent. While
    /// another one's is under way it waits instead, which is as if it came later.
    pub(super) fn arrive(&mut self, limits: Limits, now: Moment, setting: Setting) -> Decided {
        if let Some(decided) = self.take(limits, now, setting) {
            return decided;
        }
        if let Some(denied) = self.proof(&limits, now, setting) {
            self.leased.refused(now);
            return Decided::Refused { limits, at: now.wall, denied };
        }
        if self.request.is_some() {
            return Decided::Not;
        }
        self.send(limits, now, now, 0, setting)
    }

    /// The answer to its write comes.
    pub(super) fn receive(&mut self, now: Moment, setting: Setting) -> Decided {
        let Some(request) = self.request.take() else { return Decided::Not };
        let Request { limits, arrived, attempt, write, asking, at: Stage::Answered { is_written, table } } = request
        else {
            return Decided::Not;
        };
        let is_granted = is_written && !write.is_repair();
        let left = table.state(&limits, write.from.wall);
        self.seen = Some((table, write.from.wall));
        if is_granted {
            return self.grant(write.limits, asking, &left, write.from, setting);
        }
        if let Some(asking) = asking {
            self.leased.not_granted(asking);
        }
        if setting.fault == Some(Fault::RefusesWithoutProof) && !is_written {
            return Decided::Refused { limits, at: write.from.wall, denied: Denied::Throttled { wait: None } };
        }
        let skipped = if setting.is_impatient && attempt == 0 { GUESSES } else { attempt + 1 };
        self.send(limits, arrived, now, skipped, setting)
    }

    /// The answer to its write never comes; the write may yet be carried out.
    pub(super) fn lose_answer(&mut self, setting: Setting) -> Decided {
        let Some(request) = self.request.as_mut() else { return Decided::Not };
        if setting.fault == Some(Fault::LostAnswerIsAGrant) {
            let (limits, from, asking) = (request.write.limits, request.write.from, request.asking.take());
            self.request = None;
            return self.grant(limits, asking, &MeterState::default(), from, setting);
        }
        match request.at {
            Stage::Sent { is_again: false } => request.at = Stage::Sent { is_again: true },
            // The request fails, and what was asked for is dropped.
            _ => self.request = None,
        }
        Decided::Not
    }

    /// Tokens that the count of the quota's period from `first_day` contains, if
    /// it was not set anew, and that this process may yet use.
    pub(super) fn holds(&self, first_day: Date) -> i64 {
        let lease = self.leased.lease.filter(|lease| is_of(lease.counter, first_day)).map_or(0, |lease| lease.left);
        let rest = self.leased.rest.filter(|rest| is_of(rest.counter, first_day)).map_or(0, |rest| rest.tokens);
        i64::from(lease) + i64::from(rest) + self.in_flight(first_day)
    }

    /// Tokens among these that were leased by `limits`, or are just being.
    pub(super) fn has_leased(&self, limits: &Limits, first_day: Date) -> i64 {
        let lease = self.leased.lease.filter(|lease| is_of(lease.counter, first_day) && lease.limits == *limits);
        i64::from(lease.map_or(0, |lease| lease.left)) + self.in_flight(first_day)
    }

    /// Tokens among these that are for the request whose write is under way.
    pub(super) fn awaits(&self, first_day: Date) -> i64 {
        i64::from(self.request.is_some()).min(self.in_flight(first_day))
    }

    fn in_flight(&self, first_day: Date) -> i64 {
        let Some(Request { limits, write, at, .. }) = &self.request else { return 0 };
        if !is_of(Counter::of(limits, write.from.wall), first_day) {
            return 0;
        }
        i64::from(match at {
            Stage::Answered { is_written: true, .. } if !write.is_repair() => write.tokens.get(),
            _ => write.settled,
        })
    }

    /// What its lease says, if it does.
    fn take(&mut self, limits: Limits, now: Moment, setting: Setting) -> Option<Decided> {
        if setting.cap == ONE {
            return None;
        }
        let asked_at = match self.leased.lease {
            Some(lease) if setting.fault == Some(Fault::LeaseOutlivesItsPeriod) => lease.from,
            _ => now,
        };
        match self.leased.take(&limits, asked_at) {
            Taking::Taken => Some(Decided::Admitted { limits, at: now.wall }),
            Taking::Refused { wait } => {
                let denied = Denied::Throttled { wait: Some(wait) };
                Some(Decided::Refused { limits, at: now.wall, denied })
            }
            Taking::Ask => None,
        }
    }

    fn proof(&self, limits: &Limits, now: Moment, setting: Setting) -> Option<Denied> {
        let (table, at) = self.seen.as_ref()?;
        let is_fresh = *at <= now.wall && now.wall.since(*at) < PROVES_FOR;
        let held = if setting.cap == ONE { 0 } else { self.leased.held(limits, now) };
        let mut state = table.state(limits, now.wall);
        state.used -= i64::from(held);
        match limits.decide(&state, now.wall, ONE) {
            Verdict::Denied(denied) if is_fresh => Some(denied),
            _ => None,
        }
    }

    fn send(&mut self, limits: Limits, arrived: Moment, now: Moment, attempt: u32, setting: Setting) -> Decided {
        assert!(attempt < ATTEMPTS, "a request found no form that holds");
        let seen =
            |now: Moment| self.seen.as_ref().map(|(table, _)| table.state(&limits, now.wall)).unwrap_or_default();
        let (mut from, mut known) = (arrived, seen(arrived));
        if !matches!(limits.decide(&known, from.wall, ONE), Verdict::Admitted(_)) {
            (from, known) = (now, seen(now));
        }
        let in_force = limits.in_force(&known);
        let asking = (setting.cap > ONE).then(|| self.leased.ask(&in_force, &known, from, setting.cap, 1));
        let (tokens, settled) = asking.as_ref().map_or((ONE, 0), |asking| (asking.tokens(), asking.settled()));
        let state = asking.as_ref().map_or(known.clone(), |asking| asking.stands(&known));
        let asked_of = asking.as_ref().map_or(in_force, |asking| *asking.limits());
        if form(&asked_of, &state, from.wall, tokens, attempt).is_err() {
            if let Some(asking) = asking {
                self.leased.not_granted(asking);
            }
            self.leased.refused(now);
            let denied = limits.denies(&state, from.wall).expect("what is not even reserved is not admitted");
            return Decided::Refused { limits, at: from.wall, denied };
        }
        let write = Write { limits: asked_of, state, from, tokens, settled, attempt };
        self.request = Some(Request { limits, arrived, attempt, write, asking, at: Stage::Sent { is_again: false } });
        Decided::Not
    }

    /// Its write was made: one token of it is for the request, if it has come due.
    fn grant(
        &mut self,
        limits: Limits,
        asking: Option<Asking>,
        left: &MeterState,
        from: Moment,
        setting: Setting,
    ) -> Decided {
        let limits = Limits { throttle: limits.throttle.map(Gcra::at_once), ..limits };
        let admitted = Decided::Admitted { limits, at: from.wall };
        let Some(asking) = asking else { return admitted };
        let (counter, settled) = (asking.counter, asking.settled);
        let is_at_once = setting.fault == Some(Fault::ReservedIsTakenAtOnce);
        let left = if is_at_once { MeterState::default() } else { left.clone() };
        self.leased.granted(asking, &left);
        let decided = self.take(limits, from, setting);
        if setting.fault == Some(Fault::RestIsSettledTwice) {
            self.leased.keep(counter, settled);
        }
        decided.unwrap_or(admitted)
    }
}

/// Whether it is that of the quota's period from `first_day`.
fn is_of(counter: Counter, first_day: Date) -> bool {
    matches!(counter, Counter::Quota(window) if window.first_day == first_day)
}
