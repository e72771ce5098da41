//! ImportApiKeys. A row that is wrong, or that the plans it names refuse, is left
//! out with a warning; under `failonwarnings` the first such refuses all.

mod rows;

use axum::response::Response;
use keyplan_store::{ImportRefusal, OnRefusal};
use keyplan_wire::api_key::ApiKeyIdsAnswer;
use keyplan_wire::error::{ApiError, Violation};
use keyplan_wire::key_file;

use self::rows::Rows;
use crate::Admin;
use crate::answer::{Failure, created};
use crate::extract::Query;

const CSV: &str = "csv";

pub(super) async fn import(admin: &Admin, query: &Query, file: &[u8]) -> Result<Response, Failure> {
    check_format(query.get("format"))?;
    let file = key_file::read(file).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let Rows { keys, lines, mut warnings } = Rows::sort(file);
    let fails_on_warnings = query.flag("failonwarnings");
    if fails_on_warnings {
        warnings.refuse_any()?;
    }
    let on_refusal = if fails_on_warnings { OnRefusal::KeepNothing } else { OnRefusal::KeepOthers };
    let imported = admin.store().import_api_keys(&keys, on_refusal, admin.now()).await?;
    for (row, refusal) in &imported.refused {
        warnings.push(lines.get(*row).copied().unwrap_or_default(), refusal_text(refusal));
    }
    if fails_on_warnings {
        warnings.refuse_any()?;
    }
    created(&ApiKeyIdsAnswer { ids: &imported.ids, warnings: &warnings.into_texts() })
}

fn check_format(format: Option<&str>) -> Result<(), ApiError> {
    match format {
        Some(CSV) => Ok(()),
        Some(other) => Err(ApiError::validation(Violation::not_in(other, "format", &[CSV]))),
        None => Err(ApiError::validation(Violation::missing("format"))),
    }
}

/// What is told names no plan that is not there, since anything may stand in
/// its place, a key's value too.
fn refusal_text(refusal: &ImportRefusal) -> String {
    match refusal {
        ImportRefusal::PlanNotFound(_) => "Invalid Usage Plan ID specified".to_owned(),
        ImportRefusal::TooManyPlans => key_file::InvalidRow::TooManyPlans.to_string(),
        ImportRefusal::KeyInTwoPlans(both) => format!(
            "The API Key cannot be in Usage Plans {} and {}: both have the API Stage {}:{}",
            both.plan_id, both.other_plan_id, both.api_id, both.stage
        ),
        ImportRefusal::TooLarge => "The row exceeds the size of what can be kept: 400 KB".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_csv() {
        assert_eq!(check_format(Some("csv")), Ok(()));
        assert_eq!(
            check_format(Some("CSV")).unwrap_err().message,
            "1 validation error detected: Value 'CSV' at 'format' failed to satisfy constraint: Member must satisfy \
             enum value set: [csv]"
        );
        assert_eq!(check_format(None).unwrap_err().status, 400);
    }
}
