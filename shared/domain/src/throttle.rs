//! Throttling: the generic cell rate algorithm (GCRA), which admits exactly
//! what a token bucket admits and keeps one number per bucket.
//!
//! The number is the *theoretical arrival time* (TAT): when the bucket will be
//! full again. A request of `n` tokens at `now` conforms when
//! `tat <= now + (burst - n) x T`, `T` being the nanoseconds a token takes to
//! return, rounded up; the new TAT is `max(tat, now) + n x T`. From idle, a
//! burst of B admits exactly B. (ITU-T I.371, "virtual scheduling".)

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// `throttle` of a usage plan, of a method in one, of a stage or the account.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ThrottleSettings {
    /// The bucket's capacity, in requests. 0 refuses everything.
    pub burst_limit: u32,
    /// Requests per second at which the bucket refills; one that
    /// [`ThrottleSettings::takes_rate`]. 0 refuses everything, and so does one
    /// of which a token takes over 1e30 ns to return.
    pub rate_limit: f64,
}

impl ThrottleSettings {
    /// Whether a number can be a rate: 0, or one that DynamoDB keeps, whose
    /// numbers reach from 1e-130 to 9.99e125 (DynamoDB Developer Guide, "Naming
    /// rules and data types", Number).
    #[must_use]
    pub fn takes_rate(rate: f64) -> bool {
        rate == 0.0 || (1e-130..1e126).contains(&rate)
    }
}

/// Theoretical arrival time: nanoseconds of UTC since the Unix epoch. Wider
/// than a [`Timestamp`], since slow rates and large bursts reach far ahead.
pub type Tat = i128;

/// A bucket that is shared: its TAT, and by which settings that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    /// When it will be full again.
    pub tat: Tat,
    /// The settings by which it was brought about; `None` where that is not
    /// known, and then whoever reads it takes them for its own.
    pub gcra: Option<Gcra>,
}

impl Bucket {
    /// Whether it is full at `now`: by any settings, so that it does not matter
    /// which brought it about.
    #[must_use]
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.tat <= i128::from(now.as_nanos())
    }
}

/// By how much clocks may differ. Within it a debt that a clock ahead has run up
/// is a debt to all. Were it cut down to what the clock behind thinks possible,
/// the one ahead would find tokens again at once, and both together would admit
/// without end. What is [reserved](AHEAD) is a debt to all as well: it leaves half
/// of this to the clocks.
pub const TOLERATED_SKEW: Duration = Duration::from_secs(1);

/// How far ahead tokens may be reserved, as time until they come due.
pub const AHEAD: Duration = Duration::from_millis(500);

const NANOS_PER_SECOND: f64 = 1e9;

/// A bucket's rate and capacity in the algorithm's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gcra {
    /// `T`: nanoseconds a token takes to return, rounded up; 0 when none ever does.
    /// Every request copies and compares some of these, so they are kept small.
    period: i128,
    burst: u32,
    /// Whether tokens may be taken that come due within [`AHEAD`].
    is_ahead: bool,
    version: u64,
}

/// Why a request does not conform now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonconforming {
    /// It will after this long, if nothing else takes the tokens.
    Wait(Duration),
    /// It never will: the rate or the burst is 0, or the burst is below what
    /// was asked for.
    Never,
}

impl From<ThrottleSettings> for Gcra {
    fn from(settings: ThrottleSettings) -> Self {
        let period = (NANOS_PER_SECOND / settings.rate_limit).ceil();
        // 1e-6 requests a second, the slowest rate settable, is 1e15 ns.
        let in_range = period.is_finite() && period <= 1e30;
        #[expect(clippy::cast_possible_truncation, reason = "finite and below i128's range, checked above")]
        let period = if settings.rate_limit > 0.0 && in_range { (period as i128).max(1) } else { 0 };
        Self { period, burst: settings.burst_limit, is_ahead: false, version: 0 }
    }
}

impl Gcra {
    /// A bucket of `burst` tokens, of which one takes `nanos_per_token` to return;
    /// `None` where that is not above 0.
    #[must_use]
    pub fn new(nanos_per_token: i128, burst: u32) -> Option<Self> {
        (nanos_per_token > 0).then_some(Self { period: nanos_per_token, burst, is_ahead: false, version: 0 })
    }

    /// The same bucket, set by this version of whatever sets it. A bucket that
    /// processes share goes by the latest that any of them knows: see
    /// [`Gcra::in_force`].
    #[must_use]
    pub fn of_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// Which version of whatever sets it this is; 0 where none was told.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The same bucket for whoever can wait: tokens may be taken that come due
    /// within [`AHEAD`], each in its turn. What is taken so is taken exactly as if
    /// whoever reserves it had asked again at each of those moments and nobody had
    /// come first. From a bucket that never refills nothing more can be taken.
    #[must_use]
    pub fn ahead(self) -> Self {
        Self { is_ahead: true, ..self }
    }

    /// The same bucket for whoever cannot wait.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self { is_ahead: false, ..self }
    }

    /// The settings that hold for `bucket`: those it was brought about by, if they
    /// are of a later version or the same but for that; else these. So a process
    /// that goes by settings from before a change, as caches do for a while, does
    /// not undo what others made of the bucket by the new ones.
    #[must_use]
    pub fn in_force(self, bucket: Option<Bucket>) -> Self {
        match bucket.and_then(|bucket| bucket.gcra) {
            Some(of_bucket) if of_bucket.version > self.version || of_bucket.is_same_bucket(&self) => {
                Self { is_ahead: self.is_ahead, ..of_bucket }
            }
            _ => self,
        }
    }

    /// `bucket` as it stands under these settings. Of other settings, it owes as
    /// many tokens as before, but no more than these have: so a change refills
    /// nothing, and locks nobody out for longer than a full bucket's debt. What it
    /// owes beyond that by a clock that is ahead, or for what is
    /// [reserved](AHEAD), stays within [`TOLERATED_SKEW`]; more proves nothing,
    /// since some clock is wrong, and it owes all it can.
    #[must_use]
    pub fn converted(&self, bucket: Bucket, now: Timestamp) -> Bucket {
        if bucket.is_full(now) {
            return bucket;
        }
        let now = i128::from(now.as_nanos());
        let owed = bucket.tat.saturating_sub(now);
        let before = bucket.gcra.unwrap_or(*self);
        let all_before = before.nanos_to_refill().unwrap_or(0);
        let beyond = owed.saturating_sub(all_before).max(0);
        let is_plausible = beyond <= nanos(TOLERATED_SKEW);
        if is_plausible && before.is_same_bucket(self) {
            return bucket;
        }
        let owed = if is_plausible { self.as_many_tokens(owed.min(all_before), before) } else { self.all() };
        let tat = now.saturating_add(owed).saturating_add(if is_plausible { beyond } else { 0 });
        Bucket { tat, gcra: Some(self.at_once()) }
    }

    /// Nanoseconds in which as many tokens return as do in `time` under the
    /// settings of `before`, rounded up; at most all.
    fn as_many_tokens(&self, time: i128, before: Self) -> i128 {
        let periods = before.nanos_per_token().zip(self.nanos_per_token());
        let converted = periods.and_then(|(before, period)| {
            let scaled = time.checked_mul(period)?.checked_add(before - 1)?;
            Some(scaled / before)
        });
        converted.unwrap_or(i128::MAX).min(self.all())
    }

    /// Whether a TAT means the same to both: only versions may differ, and whether
    /// they reach ahead.
    #[must_use]
    pub fn is_same_bucket(&self, other: &Self) -> bool {
        self.period == other.period && self.burst == other.burst
    }

    /// Nanoseconds by which `tokens` advance the TAT, or `None` when no number
    /// of tokens is ever admitted at once or again.
    #[must_use]
    pub fn increment(&self, tokens: NonZeroU32) -> Option<i128> {
        let increment = self.nanos_per_token()?.saturating_mul(i128::from(tokens.get()));
        (self.burst > 0 && increment <= self.depth()).then_some(increment)
    }

    /// The latest TAT at which `tokens` conform at `now`; `None` as in
    /// [`Gcra::increment`].
    #[must_use]
    pub fn latest_conforming(&self, now: Timestamp, tokens: NonZeroU32) -> Option<Tat> {
        let spare = self.depth().saturating_sub(self.increment(tokens)?);
        Some(i128::from(now.as_nanos()).saturating_add(spare))
    }

    /// When the first of `tokens` comes due whose taking has brought the TAT to
    /// `tat`. Each further one does when one more has returned.
    #[must_use]
    pub fn first_due(&self, tat: Tat, tokens: NonZeroU32) -> Tat {
        let period = self.period;
        let before = i128::from(self.burst) + i128::from(tokens.get()) - 1;
        tat.saturating_sub(period.saturating_mul(before))
    }

    /// The furthest ahead a TAT can be under these settings, by one clock, where
    /// nothing is reserved.
    #[must_use]
    pub fn furthest(&self, now: Timestamp) -> Tat {
        i128::from(now.as_nanos()).saturating_add(self.all())
    }

    /// Nanoseconds in which all tokens return, if any do.
    fn all(&self) -> i128 {
        self.nanos_to_refill().unwrap_or(0)
    }

    /// How far ahead of now a TAT may be brought.
    fn depth(&self) -> i128 {
        let ahead = if self.is_ahead && self.period > 0 { nanos(AHEAD) } else { 0 };
        self.all().saturating_add(ahead)
    }

    /// Nanoseconds that a token takes to return, rounded up; `None` when none
    /// ever does.
    #[must_use]
    pub fn nanos_per_token(&self) -> Option<i128> {
        (self.period > 0).then_some(self.period)
    }

    /// The bucket's capacity, in requests.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Whether it refuses whatever its state: the rate or the burst is 0.
    #[must_use]
    pub fn never_admits(&self) -> bool {
        self.increment(NonZeroU32::MIN).is_none()
    }

    /// Nanoseconds that an empty bucket takes to be full; `None` when it never
    /// refills.
    #[must_use]
    pub fn nanos_to_refill(&self) -> Option<i128> {
        self.nanos_per_token().map(|period| period.saturating_mul(i128::from(self.burst)))
    }

    /// Nanoseconds in which `tokens` return, more than the burst too.
    #[must_use]
    pub fn returning(&self, tokens: u32) -> i128 {
        self.period.saturating_mul(i128::from(tokens))
    }

    /// Tokens that return within `time`, rounded down.
    #[must_use]
    pub fn returning_within(&self, time: Duration) -> u32 {
        self.nanos_per_token().map_or(0, |period| u32::try_from(nanos(time) / period).unwrap_or(u32::MAX))
    }

    /// Tokens that conform at once at `now`; `None` is a bucket never used.
    #[must_use]
    pub fn available(&self, bucket: Option<Bucket>, now: Timestamp) -> u32 {
        let Some(period) = self.nanos_per_token() else { return 0 };
        let tat = bucket.map(|bucket| self.converted(bucket, now).tat);
        let now = i128::from(now.as_nanos());
        let owed = tat.unwrap_or(now).saturating_sub(now).max(0);
        let spare = if self.burst == 0 { 0 } else { self.depth().saturating_sub(owed) };
        u32::try_from((spare / period).max(0)).unwrap_or(u32::MAX)
    }

    /// Admits `tokens` at `now` and gives the bucket's next TAT, or says how
    /// long to wait. A `tat` of `None` is a bucket never used.
    ///
    /// # Errors
    /// [`Nonconforming`], which spends nothing.
    pub fn admit(&self, tat: Option<Tat>, now: Timestamp, tokens: NonZeroU32) -> Result<Tat, Nonconforming> {
        let (Some(increment), Some(latest)) = (self.increment(tokens), self.latest_conforming(now, tokens)) else {
            return Err(Nonconforming::Never);
        };
        let now = i128::from(now.as_nanos());
        let tat = tat.unwrap_or(now);
        if tat <= latest {
            Ok(tat.max(now).saturating_add(increment))
        } else {
            let nanos = u64::try_from(tat.saturating_sub(latest)).unwrap_or(u64::MAX);
            Err(Nonconforming::Wait(Duration::from_nanos(nanos)))
        }
    }

    /// As [`Gcra::admit`], of a bucket that stands as these settings have it.
    ///
    /// # Errors
    /// [`Nonconforming`], which spends nothing.
    pub fn take(&self, bucket: Option<Bucket>, now: Timestamp, tokens: NonZeroU32) -> Result<Bucket, Nonconforming> {
        let tat = self.admit(bucket.map(|bucket| bucket.tat), now, tokens)?;
        Ok(Bucket { tat, gcra: Some(self.at_once()) })
    }
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests;
