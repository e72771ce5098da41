//! A cap on the processor time of a process, as Lambda sets one: Linux's
//! bandwidth control, by a cgroup of either version. What a process uses beyond its
//! share before the kernel's next tick, it pays back by waiting longer afterwards.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Process;

/// In each of these a process may use its share, which is Lambda's choice too.
pub(crate) const PERIOD: Duration = Duration::from_millis(20);
/// 7 % of it, what 128 MB of memory come with.
const QUOTA: Duration = Duration::from_micros(1_400);

/// Why no process can be capped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CapError {
    #[error("there is no cgroup to cap a process by: below {V2} {v2}, below {V1} {v1}")]
    NoCgroup { v2: io::Error, v1: io::Error },
    #[error("the cap cannot be set: {0}")]
    NotSet(io::Error),
}

const V2: &str = "/sys/fs/cgroup";
const V1: &str = "/sys/fs/cgroup/cpu";

/// A cgroup whose processes have 7 % of a core; it goes with this.
pub(crate) struct CpuCap {
    folder: PathBuf,
    /// Which interface sets it.
    pub(crate) by: &'static str,
}

impl CpuCap {
    pub(crate) fn make() -> Result<Self, CapError> {
        let cap = Self::in_folder(V2, "cpu.max", "cgroup v2, cpu.max").or_else(|v2| {
            Self::in_folder(V1, "cpu.cfs_quota_us", "cgroup v1, cpu.cfs_quota_us")
                .map_err(|v1| CapError::NoCgroup { v2, v1 })
        })?;
        cap.set().map_err(CapError::NotSet)?;
        Ok(cap)
    }

    /// Makes the cgroup, if that gives it the file by which a cap is set.
    fn in_folder(parent: &str, file: &str, by: &'static str) -> io::Result<Self> {
        // Where version 1 is mounted, the folder of version 2 is none of a cgroup.
        fs::metadata(Path::new(parent).join("cgroup.procs"))?;
        let folder = Path::new(parent).join(format!("keyplan-bench-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let cap = Self { folder, by };
        fs::metadata(cap.folder.join(file))?;
        Ok(cap)
    }

    fn set(&self) -> io::Result<()> {
        let (quota, period) = (QUOTA.as_micros(), PERIOD.as_micros());
        let max = self.folder.join("cpu.max");
        if max.exists() {
            return fs::write(max, format!("{quota} {period}"));
        }
        fs::write(self.folder.join("cpu.cfs_period_us"), period.to_string())?;
        fs::write(self.folder.join("cpu.cfs_quota_us"), quota.to_string())
    }

    /// Caps a process, with all its threads, from now on.
    pub(crate) fn hold(&self, process: Process) -> Result<(), CapError> {
        fs::write(self.folder.join("cgroup.procs"), process.0.to_string()).map_err(CapError::NotSet)
    }

    /// Periods in which a process had to wait since the cgroup was made.
    pub(crate) fn throttled(&self) -> Option<u64> {
        let stat = fs::read_to_string(self.folder.join("cpu.stat")).ok()?;
        stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.parse().ok())
    }
}

impl Drop for CpuCap {
    fn drop(&mut self) {
        // Its processes have ended; what a failed run leaves goes on in the parent.
        let left = fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        for process in left.lines() {
            let _ = fs::write(self.folder.with_file_name("cgroup.procs"), process);
        }
        let _ = fs::remove_dir(&self.folder);
    }
}
