//! Which rows of a file are imported, and what is said of the others.

use std::collections::HashMap;

use keyplan_domain::key::ImportedKey;
use keyplan_wire::error::ApiError;
use keyplan_wire::key_file::Row;

use crate::keys::rules;

/// Warnings that an error repeats.
const MAX_TOLD: usize = 10;

/// The rows of a file.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Keys, none of them of another's value.
    pub(super) keys: Vec<ImportedKey>,
    /// The line of each.
    pub(super) lines: Vec<usize>,
    pub(super) warnings: Warnings,
}

/// What is wrong with which line.
#[derive(Debug, Default)]
pub(super) struct Warnings(Vec<(usize, String)>);

impl Rows {
    /// Checks rows. Of several of one value the last tells what the key is, as if
    /// they were imported one after the other, and it is put into the plans of all.
    pub(super) fn sort(file: Vec<Row>) -> Self {
        let mut rows = Self::default();
        let mut places = HashMap::new();
        for Row { line, key } in file {
            let key = key.map_err(|invalid| invalid.to_string());
            let mut key = match key.and_then(|key| rules::check_imported(key).map_err(|error| error.message)) {
                Ok(key) => key,
                Err(text) => {
                    rows.warnings.push(line, text);
                    continue;
                }
            };
            let place = *places.entry(key.value.hash()).or_insert(rows.keys.len());
            match rows.keys.get_mut(place) {
                Some(earlier) => {
                    let mut plans = std::mem::take(&mut earlier.usage_plan_ids);
                    key.usage_plan_ids.retain(|plan| !plans.contains(plan));
                    plans.append(&mut key.usage_plan_ids);
                    *earlier = ImportedKey { usage_plan_ids: plans, ..key };
                    rows.lines[place] = line;
                }
                None => {
                    rows.keys.push(key);
                    rows.lines.push(line);
                }
            }
        }
        rows
    }
}

impl Warnings {
    pub(super) fn push(&mut self, line: usize, text: String) {
        self.0.push((line, text));
    }

    /// An error that says the first of them, if there is one.
    pub(super) fn refuse_any(&mut self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut texts = std::mem::take(self).into_texts();
        let more = texts.len().saturating_sub(MAX_TOLD);
        texts.truncate(MAX_TOLD);
        if more > 0 {
            texts.push(format!("and {more} more"));
        }
        Err(ApiError::bad_request(format!("No API Key was imported: {}", texts.join("; "))))
    }

    /// In the order of the lines.
    pub(super) fn into_texts(self) -> Vec<String> {
        let Self(mut warnings) = self;
        warnings.sort_by_key(|(line, _)| *line);
        warnings.into_iter().map(|(line, text)| format!("Line {line}: {text}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use keyplan_wire::key_file;

    use super::*;

    fn sorted(file: &str) -> Rows {
        Rows::sort(key_file::read(file.as_bytes()).unwrap())
    }

    fn value(last: char) -> String {
        format!("a-value-of-20-character{last}")
    }

    #[test]
    fn the_last_row_of_a_value_counts_and_all_its_plans() {
        let (a, b) = (value('a'), value('b'));
        let rows = sorted(&format!(
            "name,key,enabled,usagePlanIds\nfirst,{a},,p1\nother,{b},,\nlast,{a},false,\"p2,p1\"\nlong{},{a},,p3\n",
            "x".repeat(1_024)
        ));
        assert_eq!(rows.lines, [4, 3]);
        let key = &rows.keys[0];
        assert_eq!((key.name.as_deref(), key.enabled, key.value.expose()), (Some("last"), false, a.as_str()));
        assert_eq!(key.usage_plan_ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["p1", "p2"]);
        assert_eq!(rows.warnings.into_texts(), ["Line 5: Invalid API Key name, can be at most 1024 characters."]);
    }

    #[test]
    fn what_a_bad_row_holds_is_not_told() {
        let rows = sorted(&format!("name,key,enabled,description\nn,short-secret,,\nn,{0},{0},\n", value('a')));
        let texts = rows.warnings.into_texts();
        assert_eq!(
            texts,
            ["Line 2: API Key value should be at least 20 characters", "Line 3: Enabled must be TRUE or FALSE"]
        );
    }

    #[test]
    fn an_error_tells_the_first_warnings_and_how_many_more_there_are() {
        let mut warnings = Warnings::default();
        assert_eq!(warnings.refuse_any(), Ok(()));
        for line in (2..14).rev() {
            warnings.push(line, "bad".into());
        }
        let message = warnings.refuse_any().unwrap_err().message;
        assert!(message.starts_with("No API Key was imported: Line 2: bad; Line 3: bad; "), "{message}");
        assert!(message.ends_with("; Line 11: bad; and 2 more"), "{message}");
    }
}
