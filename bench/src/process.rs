//! What a process uses, as Linux tells it.

use std::fs;
use std::time::Duration;

/// A process by its id.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// Clock ticks of `/proc/[pid]/stat`: 100 a second on every Linux (proc(5)).
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// Megabytes of memory that it holds right now.
    pub(crate) fn resident_megabytes(self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u32>().ok())?;
        Some(f64::from(kilobytes) / 1024.0)
    }

    /// Time that its threads have spent on a processor so far, in whole ticks.
    pub(crate) fn cpu_time(self) -> Option<Duration> {
        const UTIME: usize = 11;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?;
        // The name, which may hold spaces, is the last thing in brackets.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace().skip(UTIME);
        let ticks = fields.next()?.parse::<u32>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
        Some(TICK * ticks)
    }
}

/// Time that this thread has spent on a processor so far, to some milliseconds
/// (`/proc/[pid]/schedstat`, in nanoseconds).
pub(crate) fn thread_time() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_very_process_uses_memory_and_time() {
        let this = Process(std::process::id());
        assert!(this.resident_megabytes().unwrap() > 0.1);
        assert!(this.cpu_time().is_some());
        assert!(thread_time().is_some());
    }
}
