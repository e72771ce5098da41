//! Where time comes from. Everything above asks a [`Clock`], so that the local
//! stack and tests can move it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use keyplan_domain::lease::Moment;
use keyplan_domain::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// UTC now.
    fn now(&self) -> Timestamp;

    /// Time since some moment in the process's life, by a clock that nobody
    /// sets: the machine's own, unless a test says otherwise.
    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        #[expect(clippy::disallowed_methods, reason = "the one place where it is read")]
        let now = Instant::now();
        now.duration_since(*START.get_or_init(|| now))
    }

    /// Now, by both clocks.
    fn moment(&self) -> Moment {
        Moment { wall: self.now(), monotonic: self.monotonic() }
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place where time is read")]
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::default().plus(since_epoch)
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}
