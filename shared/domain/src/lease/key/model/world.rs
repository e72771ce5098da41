//! All processes, the table between them, and what happens to them.

use std::hash::{DefaultHasher, Hash as _};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use jiff::civil::Date;

use super::super::{Asking, Counter, LeasedKey};
use super::ledger::{Ledger, nanos_per_token, period};
use super::process::{Decided, Process, Stage, Write};
use super::scenario::{Budget, Scenario};
use super::search::{Model, hash_of};
use super::table::Table;
use crate::admission::{Denied, Limits, MeterState};
use crate::lease::Moment;
use crate::throttle::Bucket;
use crate::time::Timestamp;

/// The state of everything.
#[derive(Clone, Debug)]
pub(super) struct World {
    scenario: Rc<Scenario>,
    table: Table,
    processes: Vec<Process>,
    /// Writes under way whose answers nobody waits for. They may never arrive.
    orphans: Vec<Write>,
    elapsed: Duration,
    version: usize,
    left: Budget,
    ledger: Ledger,
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A request comes to a process, which knows this version of the plan by now.
    Request { process: usize, version: usize },
    /// The table carries out what a process wrote.
    Commit { process: usize },
    /// The answer reaches it.
    Answer { process: usize },
    /// No answer ever does.
    LoseAnswer { process: usize },
    /// It dies, and another takes its place.
    Crash { process: usize },
    /// The table carries out a write that nobody waits for.
    CommitOrphan { orphan: usize },
    /// Time passes.
    Tick { tick: usize },
    /// A clock is set, or its process was frozen: the other clock does not notice.
    SetClock { process: usize },
    /// The plan changes.
    ChangePlan,
    /// An operator sets what remains.
    SetRemaining,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> Self {
        let (limits, start, spent) = (scenario.plans[0], scenario.start, scenario.spent);
        let mut world = Self {
            table: Table::default(),
            processes: scenario.skews.iter().map(|skew| Process::new(*skew, 0)).collect(),
            orphans: Vec::new(),
            elapsed: Duration::ZERO,
            version: 0,
            left: scenario.most,
            ledger: Ledger::default(),
            scenario: Rc::new(scenario),
        };
        let (held, today) = (world.scenario.held, start.date());
        let of_all = held * u32::try_from(world.processes.len()).unwrap();
        for _ in 0..spent - of_all {
            world.ledger.admit(&limits, start, 0, start);
        }
        world.ledger.debit(&limits, start, spent);
        world.ledger.go_by(&limits, today);
        let remaining = limits.quota.map(|quota| i64::from(quota.limit) - i64::from(spent));
        world.table.days.insert(today, (u64::from(spent), remaining));
        if limits.quota.is_some() {
            world.table.counts.insert(period(&limits, today), i64::from(spent));
        }
        world.table.bucket = limits.throttle.map(|gcra| Bucket {
            tat: i128::from(start.as_nanos() + nanos_per_token(gcra) * i64::from(spent)),
            gcra: Some(gcra),
        });
        for process in 0..world.processes.len() {
            let from = world.moment(process);
            world.processes[process].leased = lease_of(&limits, from, held);
        }
        world
    }

    fn moment(&self, process: usize) -> Moment {
        let now = self.scenario.start.plus(self.elapsed).as_nanos() + self.processes[process].skew;
        Moment { wall: Timestamp::from_nanos(now), monotonic: self.elapsed }
    }

    fn take(&mut self, step: Step) -> Result<(), String> {
        let setting = self.scenario.setting();
        match step {
            Step::Request { process, version } => {
                self.left.requests -= 1;
                let (limits, now) = (self.scenario.plans[version], self.moment(process));
                self.ledger.go_by(&limits, now.wall.date());
                self.processes[process].version = version;
                let decided = self.processes[process].arrive(limits, now, setting);
                self.note(process, decided)?;
            }
            Step::Commit { process } => {
                let Some(request) = self.processes[process].request.as_mut() else { return Ok(()) };
                self.ledger.go_by(&request.limits, request.write.from.wall.date());
                let is_written = request.write.commit(&mut self.table);
                if is_written && !request.write.is_repair() {
                    self.ledger.debit(&request.limits, request.write.from.wall, request.write.tokens.get());
                }
                request.at = Stage::Answered { is_written, table: self.table.clone() };
            }
            Step::Answer { process } => {
                let now = self.moment(process);
                let decided = self.processes[process].receive(now, setting);
                self.note(process, decided)?;
            }
            Step::LoseAnswer { process } => {
                self.left.losses -= 1;
                self.orphan_write_of(process);
                let decided = self.processes[process].lose_answer(setting);
                self.note(process, decided)?;
            }
            Step::Crash { process } => {
                self.left.crashes -= 1;
                self.orphan_write_of(process);
                let Process { skew, version, .. } = self.processes[process];
                self.processes[process] = Process::new(skew, version);
            }
            Step::CommitOrphan { orphan } => {
                self.orphans.swap_remove(orphan).commit(&mut self.table);
            }
            Step::Tick { tick } => {
                self.left.ticks -= 1;
                self.elapsed += self.scenario.ticks[tick];
            }
            Step::SetClock { process } => {
                self.left.jumps -= 1;
                self.processes[process].skew += self.scenario.jump;
            }
            Step::ChangePlan => {
                self.left.changes -= 1;
                self.version += 1;
            }
            Step::SetRemaining => {
                self.left.grants -= 1;
                let now = self.scenario.start.plus(self.elapsed);
                let (limits, remaining) = (self.scenario.plans[self.version], self.scenario.remaining);
                let held = self.held(period(&limits, now.date()));
                self.ledger.go_by(&limits, now.date());
                self.ledger.grant(&limits, now.date(), remaining, held);
                self.table.set_remaining(&limits, remaining, now);
            }
        }
        Ok(())
    }

    /// Notes that nobody goes by an earlier version of the plan any more, if so.
    fn note_version(&mut self) {
        let limits = self.scenario.plans[self.version];
        let is_known = |process: &Process| {
            let served_by = process.request.as_ref().map_or(limits, |request| request.limits);
            process.version == self.version && served_by == limits
        };
        if self.processes.iter().all(is_known) {
            let leased = |first_day| self.processes.iter().map(|process| process.has_leased(&limits, first_day)).sum();
            self.ledger.keep_to(&limits, leased);
        }
    }

    fn orphan_write_of(&mut self, process: usize) {
        if let Some(request) = &self.processes[process].request
            && matches!(request.at, Stage::Sent { .. })
        {
            self.orphans.push(request.write.clone());
        }
    }

    /// Tokens of a period that processes may yet use.
    fn held(&self, first_day: Date) -> i64 {
        self.processes.iter().map(|process| process.holds(first_day)).sum()
    }

    fn note(&mut self, process: usize, decided: Decided) -> Result<(), String> {
        match decided {
            Decided::Admitted { limits, at } => {
                let now = self.scenario.start.plus(self.elapsed);
                self.ledger.admit(&limits, at, self.processes[process].skew, now);
                self.ledger.check_windows(&self.scenario)?;
                // Whose token is not judged by two versions of a plan at once.
                if self.scenario.plans.len() == 1 {
                    self.ledger.check_due(self.scenario.spread())?;
                }
                Ok(())
            }
            Decided::Refused { limits, at, denied } if self.scenario.is_smooth() => {
                let first_day = period(&limits, at.date());
                let process = &self.processes[process];
                let held_for_others = self.held(first_day) - process.holds(first_day) + process.awaits(first_day);
                self.ledger.check_refusal(&limits, at, denied, held_for_others)
            }
            Decided::Refused { .. } | Decided::Not => Ok(()),
        }
    }

    /// No process has more than the cap of a quota's tokens.
    fn check_holdings(&self) -> Result<(), String> {
        let most = i64::from(self.scenario.cap.get());
        let holds = |process: &Process| self.ledger.admitted.keys().map(|day| process.holds(*day)).max();
        match self.processes.iter().filter_map(holds).find(|held| *held > most) {
            Some(held) => Err(format!("{held} held by one process")),
            None => Ok(()),
        }
    }

    /// When every process is asked until it refuses for the quota, none of it is
    /// left over.
    fn check_exhaustion(&self) -> Result<(), String> {
        let quotas = self.scenario.plans.iter().all(|limits| limits.quota.is_some() && limits.throttle.is_none());
        let is_still = self.processes.iter().all(|process| process.request.is_none());
        if !(quotas && is_still && self.left.requests == 0 && self.scenario.is_smooth()) {
            return Ok(());
        }
        let (mut world, limits) = (self.clone(), self.scenario.plans[0]);
        let setting = self.scenario.setting();
        for process in 0..world.processes.len() {
            let now = world.moment(process);
            loop {
                let mut decided = world.processes[process].arrive(limits, now, setting);
                while matches!(decided, Decided::Not) {
                    world.take(Step::Commit { process })?;
                    decided = world.processes[process].receive(now, setting);
                }
                world.note(process, decided)?;
                if let Decided::Refused { denied: Denied::QuotaSpent { .. }, .. } = decided {
                    break;
                }
            }
        }
        let limit = limits.quota.map_or(0, |quota| i64::from(quota.limit));
        let today = period(&limits, world.moment(0).wall.date());
        let stranded = limit - world.ledger.admitted.get(&today).copied().unwrap_or_default();
        if stranded != 0 {
            return Err(format!("{stranded} of {limit} are stranded"));
        }
        Ok(())
    }
}

/// What a process holds that was granted a token for itself and `held` more.
fn lease_of(limits: &Limits, from: Moment, held: u32) -> LeasedKey {
    let mut leased = LeasedKey::default();
    if held > 0 {
        let tokens = NonZeroU32::MIN.saturating_add(held);
        let counter = Counter::of(limits, from.wall);
        leased.granted(Asking { limits: *limits, counter, from, tokens, settled: 0 }, &MeterState::default());
        let _ = leased.take(limits, from);
    }
    leased
}

impl Model for World {
    type Step = Step;

    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (process, state) in self.processes.iter().enumerate() {
            if self.left.requests > 0 {
                steps.extend((state.version..=self.version).map(|version| Step::Request { process, version }));
            }
            match state.request.as_ref().map(|request| &request.at) {
                None => {}
                Some(Stage::Sent { .. }) => {
                    steps.push(Step::Commit { process });
                    steps.extend((self.left.losses > 0).then_some(Step::LoseAnswer { process }));
                }
                Some(Stage::Answered { .. }) => steps.push(Step::Answer { process }),
            }
            steps.extend((self.left.crashes > 0).then_some(Step::Crash { process }));
            steps.extend((self.left.jumps > 0).then_some(Step::SetClock { process }));
        }
        steps.extend((0..self.orphans.len()).map(|orphan| Step::CommitOrphan { orphan }));
        if self.left.ticks > 0 {
            steps.extend((0..self.scenario.ticks.len()).map(|tick| Step::Tick { tick }));
        }
        let may_change = self.left.changes > 0 && self.version + 1 < self.scenario.plans.len();
        steps.extend(may_change.then_some(Step::ChangePlan));
        steps.extend((self.left.grants > 0).then_some(Step::SetRemaining));
        steps
    }

    fn after(&self, step: Step) -> Result<Self, String> {
        let mut next = self.clone();
        next.take(step)?;
        next.note_version();
        next.ledger.check_admissions()?;
        // Of a process that is made to err, more than wrong counts is to be shown.
        if next.scenario.fault.is_none() {
            next.check_holdings()?;
            let today = next.scenario.start.plus(next.elapsed).date();
            let in_order = next.scenario.is_smooth().then(|| period(&next.scenario.plans[0], today));
            let held = |first_day| next.held(first_day);
            next.ledger.check_counts(&next.table, held, in_order, next.scenario.is_daily())?;
            next.check_exhaustion()?;
        }
        Ok(next)
    }

    fn hash_into(&self, hasher: &mut DefaultHasher) {
        // Which process is which does not matter.
        let mut processes: Vec<u64> = self.processes.iter().map(hash_of).collect();
        let mut orphans: Vec<u64> = self.orphans.iter().map(hash_of).collect();
        processes.sort_unstable();
        orphans.sort_unstable();
        (&self.table, processes, orphans, self.elapsed, self.version, self.left, &self.ledger).hash(hasher);
    }
}
