//! What tags a resource may have (developer guide, "Tagging API Gateway
//! resources": tag restrictions).

use keyplan_domain::plan::lease_cap;
use keyplan_wire::error::ApiError;
use keyplan_wire::omission::Tags;

const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;
const RESERVED: &str = "aws:";

/// The tags that a new resource is given.
pub(crate) fn new_tags(given: Option<Tags>) -> Result<Tags, ApiError> {
    let mut tags = Tags::new();
    add(&mut tags, given.unwrap_or_default())?;
    Ok(tags)
}

/// Adds tags to those of a resource, or changes their values.
pub(crate) fn add(tags: &mut Tags, added: Tags) -> Result<(), ApiError> {
    for (key, value) in &added {
        if !(1..=MAX_KEY).contains(&key.chars().count()) {
            return Err(ApiError::bad_request(format!("Invalid tag key: it must have 1 to {MAX_KEY} characters")));
        }
        if value.chars().count() > MAX_VALUE {
            return Err(ApiError::bad_request(format!(
                "Invalid tag value: it must have at most {MAX_VALUE} characters"
            )));
        }
        if key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED)) {
            return Err(ApiError::bad_request(format!("Invalid tag key: {RESERVED} is reserved")));
        }
    }
    tags.extend(added);
    if tags.len() > MAX_TAGS {
        return Err(ApiError::bad_request(format!("A resource can have at most {MAX_TAGS} tags")));
    }
    Ok(())
}

/// What tags that a plan is given say is said rightly, where Keyplan minds them.
pub(crate) fn check_of_plan(given: &Tags) -> Result<(), ApiError> {
    lease_cap(given).map(|_| ()).map_err(|invalid| ApiError::bad_request(format!("Invalid tag value: {invalid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(count: usize) -> Tags {
        (0..count).map(|index| (format!("k{index}"), String::new())).collect()
    }

    #[test]
    fn a_resource_has_at_most_50_tags() {
        assert_eq!(new_tags(Some(tags(50))).unwrap().len(), 50);
        assert_eq!(new_tags(Some(tags(51))).unwrap_err().status, 400);
        let mut given = tags(50);
        add(&mut given, Tags::from([("k7".to_owned(), "new".to_owned())])).unwrap();
        assert_eq!(given["k7"], "new");
        assert!(add(&mut given, Tags::from([("one more".to_owned(), String::new())])).is_err());
    }

    #[test]
    fn keys_and_values_have_limits_and_a_reserved_prefix() {
        for (key, value, accepted) in [
            ("k".repeat(128), "v".repeat(256), true),
            (String::new(), String::new(), false),
            ("k".repeat(129), String::new(), false),
            ("k".to_owned(), "v".repeat(257), false),
            ("aws:x".to_owned(), String::new(), false),
            ("AWS:x".to_owned(), String::new(), false),
            ("ééé".to_owned(), String::new(), true),
        ] {
            assert_eq!(new_tags(Some(Tags::from([(key.clone(), value)]))).is_ok(), accepted, "{key}");
        }
    }
}
