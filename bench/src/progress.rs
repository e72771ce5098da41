use std::fmt::Display;
use std::io::{self, Write};

/// Tells on stderr how far a long run is.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
