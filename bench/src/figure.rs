use std::fmt;

use crate::series::Series;

/// A figure that a goal is about, or why there is none.
#[derive(Debug)]
pub(crate) struct Figure {
    /// The goal's id.
    pub(crate) id: &'static str,
    /// Which of the goal's figures it is.
    pub(crate) measure: &'static str,
    pub(crate) target: Target,
    pub(crate) outcome: Outcome,
    /// How it was measured, in a few words.
    pub(crate) how: String,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) bound: Bound,
    /// `s`, `MB`; empty for a ratio or a count.
    pub(crate) unit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    Under(f64),
    AtMost(f64),
    AtLeast(f64),
    Exactly(f64),
    /// No goal of its own: it is printed beside one.
    Beside,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Measured {
        series: Series,
        summary: Summary,
    },
    /// Never to be taken for held.
    NotMeasured {
        reason: String,
    },
}

/// Which figure of a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Summary {
    /// Of times and sizes.
    Median,
    /// Of what must never happen, where one time is one too many.
    Largest,
}

impl Target {
    /// `None` where nothing is to be held.
    pub(crate) fn holds(&self, figure: f64) -> Option<bool> {
        match self.bound {
            Bound::Under(limit) => Some(figure < limit),
            Bound::AtMost(limit) => Some(figure <= limit),
            Bound::AtLeast(limit) => Some(figure >= limit),
            Bound::Exactly(expected) => Some((figure - expected).abs() < f64::EPSILON),
            Bound::Beside => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (relation, number) = match self.bound {
            Bound::Under(limit) => ("<", limit),
            Bound::AtMost(limit) => ("<=", limit),
            Bound::AtLeast(limit) => (">=", limit),
            Bound::Exactly(expected) => ("=", expected),
            Bound::Beside => return write!(f, "-"),
        };
        write!(f, "{relation} {number}")?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

impl Figure {
    /// The figure that counts and whether the goal holds; `None` if not measured.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let Outcome::Measured { series, summary } = &self.outcome else { return None };
        let (figure, summary) = match summary {
            Summary::Median => (series.median()?, "median"),
            Summary::Largest => (series.largest()?, "largest"),
        };
        Some(Verdict {
            figure,
            spread: series.spread(),
            summary,
            holds: self.target.holds(figure),
            repeats: series.len(),
        })
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) figure: f64,
    /// Which one of the series it is.
    pub(crate) summary: &'static str,
    pub(crate) spread: f64,
    /// `None` where nothing is to be held.
    pub(crate) holds: Option<bool>,
    pub(crate) repeats: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_says_whether_it_is_part_of_what_is_allowed() {
        let target = |bound| Target { bound, unit: "s" };
        assert_eq!(target(Bound::Under(1.0)).holds(1.0), Some(false));
        assert_eq!(target(Bound::AtMost(1.0)).holds(1.0), Some(true));
        assert_eq!(target(Bound::AtLeast(1.0)).holds(0.99), Some(false));
        assert_eq!(target(Bound::Exactly(20.0)).holds(19.0), Some(false));
        assert_eq!(target(Bound::Under(1.0)).to_string(), "< 1 s");
    }

    #[test]
    fn a_figure_beside_a_goal_neither_holds_nor_fails() {
        let target = Target { bound: Bound::Beside, unit: "" };
        assert_eq!((target.holds(0.1), target.to_string()), (None, "-".into()));
    }

    #[test]
    fn what_is_not_measured_does_not_hold() {
        let figure = Figure {
            id: "L1",
            measure: "ready",
            target: Target { bound: Bound::Under(1.0), unit: "s" },
            outcome: Outcome::NotMeasured { reason: "why".into() },
            how: String::new(),
        };
        assert_eq!(figure.verdict(), None);
    }
}
