//! The figures, as a table and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::figure::{Figure, Outcome};
use crate::machine::Machine;

pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) figures: Vec<Figure>,
}

const HEADINGS: [&str; 7] = ["id", "measure", "goal", "figure", "holds", "spread", "how measured"];

impl Report {
    /// Columns as wide as they need to be, under the machine's description.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let rows: Vec<[String; 7]> =
            std::iter::once(HEADINGS.map(str::to_owned)).chain(self.figures.iter().map(row)).collect();
        let widths: [usize; 7] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
        writeln!(out, "{}", self.machine)?;
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(&format!("{cell:width$}  "));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        out.flush()
    }

    pub(crate) fn write_json(&self, mut file: impl Write) -> io::Result<()> {
        let goals: Vec<Value> = self.figures.iter().map(goal).collect();
        serde_json::to_writer_pretty(&mut file, &json!({ "machine": self.machine, "goals": goals }))?;
        writeln!(file)?;
        file.flush()
    }
}

fn row(figure: &Figure) -> [String; 7] {
    let unit = figure.target.unit;
    let number = |number: f64| if unit.is_empty() { rounded(number) } else { format!("{} {unit}", rounded(number)) };
    let (measured, holds, spread, how) = match (figure.verdict(), &figure.outcome) {
        (Some(verdict), _) => (
            number(verdict.figure),
            verdict.holds.map_or("-", |holds| if holds { "yes" } else { "NO" }),
            number(verdict.spread),
            format!("{}; {} of {}", figure.how, verdict.summary, verdict.repeats),
        ),
        (None, Outcome::NotMeasured { reason }) => ("not measured".to_owned(), "-", "-".to_owned(), reason.clone()),
        (None, Outcome::Measured { .. }) => ("not measured".to_owned(), "-", "-".to_owned(), "no runs".to_owned()),
    };
    [
        figure.id.to_owned(),
        figure.measure.to_owned(),
        figure.target.to_string(),
        measured,
        holds.to_owned(),
        spread,
        how,
    ]
}

fn goal(figure: &Figure) -> Value {
    let mut goal = json!({
        "id": figure.id,
        "measure": figure.measure,
        "goal": figure.target.to_string(),
        "unit": figure.target.unit,
        "how": figure.how,
    });
    match (figure.verdict(), &figure.outcome) {
        (Some(verdict), _) => {
            goal["figure"] = json!(verdict.figure);
            goal["holds"] = json!(verdict.holds);
            goal["spread"] = json!(verdict.spread);
            goal["summary"] = json!(verdict.summary);
            goal["repeats"] = json!(verdict.repeats);
        }
        (None, outcome) => {
            for member in ["figure", "holds", "spread"] {
                goal[member] = Value::Null;
            }
            if let Outcome::NotMeasured { reason } = outcome {
                goal["notMeasured"] = json!(reason);
            }
        }
    }
    goal
}

/// Three significant digits are more than the spread allows.
fn rounded(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 100.0 || number.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    format!("{number:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Bound, Summary, Target};
    use crate::series::Series;

    fn report() -> Report {
        let mut series = Series::default();
        [0.04, 0.05, 0.06].into_iter().for_each(|figure| series.push(figure));
        let target = Target { bound: Bound::Under(1.0), unit: "s" };
        let figures = [
            Outcome::Measured { series, summary: Summary::Median },
            Outcome::NotMeasured { reason: "no Linux".into() },
        ]
        .into_iter()
        .map(|outcome| Figure { id: "L1", measure: "ready", target, outcome, how: "by hand".into() })
        .collect();
        Report { machine: Machine::this(), figures }
    }

    #[test]
    fn the_table_says_what_holds_and_what_was_not_measured() {
        let mut table = Vec::new();
        report().print(&mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let lines: Vec<&str> = table.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "id  measure  goal   figure        holds  spread    how measured",
                "L1  ready    < 1 s  0.0500 s      yes    0.0200 s  by hand; median of 3",
                "L1  ready    < 1 s  not measured  -      -         no Linux",
            ]
        );
    }

    #[test]
    fn the_json_holds_null_for_what_was_not_measured() {
        let mut file = Vec::new();
        report().write_json(&mut file).unwrap();
        let written: Value = serde_json::from_slice(&file).unwrap();
        assert!(written["machine"]["os"].is_string());
        let [measured, not] = [&written["goals"][0], &written["goals"][1]];
        assert_eq!(
            (&measured["id"], &measured["goal"], &measured["holds"]),
            (&json!("L1"), &json!("< 1 s"), &json!(true))
        );
        assert_eq!(measured["figure"], json!(0.05));
        assert_eq!(
            (&not["figure"], &not["holds"], &not["notMeasured"]),
            (&Value::Null, &Value::Null, &json!("no Linux"))
        );
    }
}
