//! Leases of a bucket that processes share: some of its tokens, taken in one
//! write and then spent in memory.
//!
//! A [`LeasedBucket`] is what one process knows of such a bucket. It admits
//! from the lease it holds, refuses what the TAT it saw last proves to be
//! beyond the limit, and otherwise says how many tokens to ask for. Whoever
//! asks also says what came of it; nothing here reads a clock or writes.
//!
//! **How many.** What the process is likely to spend in a lease's life, by what
//! it spent lately, but no more than [`WORTH`] of the rate: so a process takes
//! hardly more than it needs, however many there are, and a busy one writes 20
//! times a second. Requests that wait already are no guess and are added up to
//! the burst. Rates below 40 a second are never leased ahead: each token of
//! theirs is one write, and the limit is exact.
//!
//! **What it costs in exactness.** In a window of `w` seconds at most
//! `burst + rate x w` are admitted, plus the tokens that processes held when it
//! began: of each at most one lease, none older than [`LIFE`], and together no
//! more than `burst + rate x LIFE`. From idle, processes that ask for no more
//! than one token each admit exactly the burst.

pub mod key;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::throttle::{Bucket, Gcra, Nonconforming};
use crate::time::Timestamp;

/// How long a lease lasts. What is left of it then is lost.
pub const LIFE: Duration = Duration::from_secs(2);

/// The most that is leased ahead, as time that the rate takes to return it.
pub const WORTH: Duration = Duration::from_millis(50);

/// A moment by two clocks: the wall clock may be set, and the other may stand
/// still while the process is frozen. A lease ends by whichever is further on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// UTC.
    pub wall: Timestamp,
    /// Time since some moment in the process's life; it never goes back.
    pub monotonic: Duration,
}

impl Moment {
    /// How long it is since `earlier`, by the clock that says more.
    #[must_use]
    pub fn since(&self, earlier: Self) -> Duration {
        self.wall.since(earlier.wall).max(self.monotonic.saturating_sub(earlier.monotonic))
    }

    /// The moment `wait` later.
    #[must_use]
    pub fn plus(&self, wait: Duration) -> Self {
        Self { wall: self.wall.plus(wait), monotonic: self.monotonic.saturating_add(wait) }
    }
}

/// A bucket as one process knows it.
#[derive(Clone, Debug)]
pub struct LeasedBucket {
    gcra: Gcra,
    lease: Option<Lease>,
    /// As last seen. Its TAT only grows, unless settings or clocks change.
    seen: Option<Bucket>,
    leases: u64,
}

/// Tokens that the shared bucket is debited with already.
#[derive(Clone, Copy, Debug)]
struct Lease {
    id: LeaseId,
    from: Moment,
    left: u32,
    used: u32,
}

/// Which of a process's leases a token is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseId(u64);

/// Of a token that no lease covers, taken where the shared bucket could not be
/// asked.
const UNASKED: LeaseId = LeaseId(0);

/// What becomes of a request at a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// It has a token, of this lease.
    Taken(LeaseId),
    /// It has none, and none can be had now: there is no lease, and the bucket
    /// is known to be empty. `wait` is `None` when waiting is in vain.
    Refused {
        /// After how long a token returns.
        wait: Option<Duration>,
    },
    /// There is no lease: so many tokens are to be asked of the shared bucket.
    /// If it has fewer, then for those; only one that is refused is a refusal.
    Ask(NonZeroU32),
}

impl LeasedBucket {
    /// A bucket of which nothing is known yet.
    #[must_use]
    pub fn new(gcra: Gcra) -> Self {
        Self { gcra, lease: None, seen: None, leases: 0 }
    }

    /// Keeps to `gcra` from here on. If that is a change, the lease is given up
    /// and what was seen proves nothing any more.
    pub fn keep_to(&mut self, gcra: Gcra) {
        if self.gcra.is_same_bucket(&gcra) {
            self.gcra = gcra;
        } else {
            *self = Self { leases: self.leases, ..Self::new(gcra) };
        }
    }

    /// The shared bucket as last seen.
    #[must_use]
    pub fn last_seen(&self) -> Option<Bucket> {
        self.seen
    }

    /// Takes one token. `waiting` requests, this one included, want one.
    pub fn take(&mut self, now: Moment, waiting: u32) -> Taking {
        if self.gcra.never_admits() {
            return Taking::Refused { wait: None };
        }
        if let Some(lease) = self.lease.as_mut().filter(|lease| now.since(lease.from) < LIFE)
            && let Some(left) = lease.left.checked_sub(1)
        {
            lease.left = left;
            lease.used += 1;
            return Taking::Taken(lease.id);
        }
        match self.proof(now.wall) {
            Some(wait) => Taking::Refused { wait: Some(wait) },
            None => Taking::Ask(self.wanted(now, waiting)),
        }
    }

    /// Takes one token where the shared bucket cannot be asked: of the lease,
    /// while it lasts, and then of the bucket as this process knows it, as though
    /// it had it to itself. So of several processes each admits the burst and the
    /// rate.
    ///
    /// # Errors
    /// After how long a token returns; `None` when waiting is in vain.
    pub fn take_unasked(&mut self, now: Moment) -> Result<LeaseId, Option<Duration>> {
        match self.take(now, 1) {
            Taking::Taken(lease) => return Ok(lease),
            Taking::Refused { wait } => return Err(wait),
            Taking::Ask(_) => {}
        }
        let gcra = self.gcra.in_force(self.seen);
        let bucket = self.seen.map(|bucket| gcra.converted(bucket, now.wall));
        match gcra.take(bucket, now.wall, NonZeroU32::MIN) {
            Ok(bucket) => {
                self.seen = Some(bucket);
                Ok(UNASKED)
            }
            Err(Nonconforming::Wait(wait)) => Err(Some(wait)),
            Err(Nonconforming::Never) => Err(None),
        }
    }

    /// Notes that `tokens` were granted by a write that was begun at `from` and
    /// left the bucket so. One of them is the asker's own; it is of the lease that
    /// is given.
    pub fn granted(&mut self, tokens: NonZeroU32, from: Moment, bucket: Option<Bucket>) -> LeaseId {
        self.leases += 1;
        let id = LeaseId(self.leases);
        self.lease = Some(Lease { id, from, left: tokens.get() - 1, used: 1 });
        self.seen = bucket;
        id
    }

    /// Notes what a write that was not granted has shown of the bucket.
    pub fn seen(&mut self, bucket: Option<Bucket>) {
        self.seen = bucket;
    }

    /// Takes a token back whose request was refused elsewhere. That of a lease
    /// which is over is lost.
    pub fn give_back(&mut self, id: LeaseId) {
        if id == UNASKED {
            if let Some(bucket) = self.seen.as_mut() {
                bucket.tat = bucket.tat.saturating_sub(bucket.gcra.unwrap_or(self.gcra).returning(1));
            }
            return;
        }
        if let Some(lease) = self.lease.as_mut().filter(|lease| lease.id == id) {
            lease.left += 1;
            lease.used = lease.used.saturating_sub(1);
        }
    }

    /// How long no token can be had, as far as what was seen proves it. A bucket
    /// of other settings proves nothing.
    fn proof(&self, now: Timestamp) -> Option<Duration> {
        let gcra = self.gcra.in_force(self.seen);
        let bucket = self.seen.filter(|bucket| gcra.converted(*bucket, now) == *bucket)?;
        match gcra.take(Some(bucket), now, NonZeroU32::MIN) {
            Err(Nonconforming::Wait(wait)) => Some(wait),
            Ok(_) | Err(Nonconforming::Never) => None,
        }
    }

    fn wanted(&self, now: Moment, waiting: u32) -> NonZeroU32 {
        let ahead = self.expected(now).min(self.gcra.returning_within(WORTH));
        let gcra = self.gcra.in_force(self.seen);
        let available = gcra.available(self.seen, now.wall);
        NonZeroU32::new(ahead.max(waiting).min(available)).unwrap_or(NonZeroU32::MIN)
    }

    /// What will be spent in a lease's life, at the pace of the last lease.
    fn expected(&self, now: Moment) -> u32 {
        self.lease.map_or(1, |lease| at_pace(lease.used, now.since(lease.from), LIFE, f64::ceil))
    }
}

/// How many come within `time` if `came` came in `taken`, rounded so.
fn at_pace(came: u32, taken: Duration, time: Duration, rounded: fn(f64) -> f64) -> u32 {
    let pace = f64::from(came) / taken.max(Duration::from_millis(1)).as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates, and is positive")]
    let expected = rounded(pace * time.as_secs_f64()) as u32;
    expected
}
