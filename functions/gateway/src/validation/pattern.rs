//! Patterns: regular expressions of ECMA 262 as the engine of API Gateway's library
//! runs them, without flags. Whether a text matches is all that is asked, so that
//! one pass over it decides, look-around included; only patterns that refer back to
//! what a group has matched try one way after another, and give up.

mod backtracking;
mod class;
mod passes;
mod program;
mod syntax;

use super::work::{TooLong, Work};
use program::Program;
use syntax::Syntax;

/// A compiled pattern.
pub(super) struct Pattern {
    text: String,
    program: Program,
}

/// Why a text is no pattern.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatternError {
    #[error("a parenthesis without its other")]
    Parenthesis,
    #[error("there is nothing that a quantifier could repeat")]
    NothingToRepeat,
    #[error("a group that is none")]
    Group,
    #[error("a class without end, or with a range that ends before it starts")]
    Class,
    #[error("it ends with a backslash")]
    Backslash,
    #[error("it is nested too deep")]
    Nested,
    #[error("it repeats too much")]
    Size,
    #[error("it refers back and looks behind")]
    BehindAndBack,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let program = Program::new(&Syntax::parse(text)?)?;
        Ok(Self { text: text.to_owned(), program })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether some part of a text matches.
    pub(super) fn is_match(&self, text: &str, work: &mut Work) -> Result<bool, TooLong> {
        match self.program.refers_back {
            true => backtracking::is_match(&self.program, text, work),
            false => passes::is_match(&self.program, text, work),
        }
    }
}

/// Whether a text could be a pattern, which takes time in proportion to it.
pub(super) fn is_pattern(text: &str) -> bool {
    Syntax::parse(text).is_ok()
}

#[cfg(test)]
mod tests;
