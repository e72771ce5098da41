use std::io;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use tokio::process::Command;

use crate::api::Error;
use crate::figure::{Bound, Figure, Outcome, Summary, Target};
use crate::runtime_api::Function;
use crate::series::Series;
use crate::traffic::count;
use crate::under_tls::UnderTls;
use crate::{local, progress};

const REPEATS: u32 = 5;
const INVOCATIONS: u32 = 1_000;
const RESIDENT: [&str; 2] = ["authorizer, resident when warm", "gateway, resident when warm"];
const ZIPPED: [(&str, &str); 5] = [
    ("authorizer", "authorizer, zipped"),
    ("gateway", "gateway, zipped"),
    ("admin-apis", "admin-apis, zipped"),
    ("admin-keys", "admin-keys, zipped"),
    ("admin-plans", "admin-plans, zipped"),
];
/// What a zip of one file has around it: two headers of 30 and 46 bytes with the
/// file's name, and an end of 22 (APPNOTE.TXT 4.3).
const AROUND: u64 = 30 + 46 + 22 + 2 * "bootstrap".len() as u64;

/// The memory that functions hold, and their size as Lambda gets it.
pub(super) async fn measure() -> Vec<Figure> {
    let resident = resident().await.map_err(|error| error.to_string());
    let resident = match resident {
        Ok(series) => series.map(|series| Outcome::Measured { series, summary: Summary::Median }),
        Err(reason) => RESIDENT.map(|_| Outcome::NotMeasured { reason: reason.clone() }),
    };
    let figure = |measure, limit, outcome, how| Figure {
        id: "A4",
        measure,
        target: Target { bound: Bound::AtMost(limit), unit: "MB" },
        outcome,
        how,
    };
    let how = format!("VmRSS after {INVOCATIONS} invocations, DynamoDB behind TLS");
    let mut figures: Vec<Figure> = RESIDENT
        .into_iter()
        .zip(resident)
        .map(|(measure, outcome)| figure(measure, 14.0, outcome, how.clone()))
        .collect();
    for (program, measure) in ZIPPED {
        let mut how =
            format!("cargo's release profile for {}, stripped, as `bootstrap`, deflate -9", std::env::consts::ARCH);
        let outcome = match zipped(program).await {
            Ok(Sizes { zipped, program }) => {
                how.push_str(&format!("; of {program:.1} MB"));
                let mut series = Series::default();
                series.push(zipped);
                Outcome::Measured { series, summary: Summary::Largest }
            }
            Err(error) => Outcome::NotMeasured { reason: error.to_string() },
        };
        figures.push(figure(measure, 3.0, outcome, how));
    }
    figures
}

async fn resident() -> Result<[Series; RESIDENT.len()], Error> {
    let functions = UnderTls::make().await?;
    let mut measured = RESIDENT.map(|_| Series::default());
    for repeat in 1..=REPEATS {
        for (series, function) in measured.iter_mut().zip([functions.authorizer(), functions.gateway()]) {
            series.push(resident_of(function).await?);
        }
        progress::say(format_args!("  {repeat} of {REPEATS}"));
    }
    Ok(measured)
}

async fn resident_of((command, event): (Command, Bytes)) -> Result<f64, Error> {
    let mut function = Function::start(command).await?;
    function.repeat(&event, INVOCATIONS, &mut Series::default()).await?;
    let resident = function.process()?.resident_megabytes().ok_or(local::LocalError::NoProc)?;
    function.stop().await?;
    Ok(resident)
}

/// Megabytes of a program.
struct Sizes {
    zipped: f64,
    program: f64,
}

async fn zipped(program: &'static str) -> Result<Sizes, Error> {
    // cargo-lambda strips what it packs.
    let stripped = tempfile::NamedTempFile::new()?;
    let built = local::built(program).await?;
    let strip = Command::new("strip").arg("-s").arg("-o").args([stripped.path(), &built]).status().await?;
    if !strip.success() {
        return Err(format!("strip ends with {strip}").into());
    }
    let mut file = stripped.reopen()?;
    progress::say(format_args!("  zipping `{program}`"));
    tokio::task::spawn_blocking(move || {
        let mut encoder = DeflateEncoder::new(Length(0), Compression::best());
        let program = io::copy(&mut file, &mut encoder)?;
        let Length(deflated) = encoder.finish()?;
        let megabytes = |bytes| count(bytes) / 1e6;
        Ok(Sizes { zipped: megabytes(deflated + AROUND), program: megabytes(program) })
    })
    .await?
}

/// Counts what is written to it.
struct Length(u64);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
