use std::fs;

use serde::Serialize;

/// What the figures were taken on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    os: &'static str,
    architecture: &'static str,
    /// The processor's name, where Linux tells it.
    processor: Option<String>,
    cores: Option<usize>,
    memory_megabytes: Option<u64>,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let field = |path: &str, name: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal");
        Self {
            os: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            memory_megabytes: memory.and_then(|memory| Some(memory.split(' ').next()?.parse::<u64>().ok()? / 1024)),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        write!(f, "{} {}, {processor}", self.os, self.architecture)?;
        if let Some(cores) = self.cores {
            write!(f, ", {cores} cores")?;
        }
        if let Some(memory) = self.memory_megabytes {
            write!(f, ", {memory} MB")?;
        }
        Ok(())
    }
}
