//! `${stageVariables.name}` in the URIs of integrations and authorizers.

use std::collections::BTreeMap;

const REFERENCE: &str = "${stageVariables.";

/// Whether a URI refers to stage variables.
pub(crate) fn are_in(uri: &str) -> bool {
    uri.contains(REFERENCE)
}

/// `uri` with its references replaced; a variable that is not set is nothing.
pub(crate) fn replaced(uri: &str, variables: &BTreeMap<String, String>) -> String {
    let mut replaced = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once(REFERENCE) {
        replaced.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            replaced.push_str(REFERENCE);
            rest = after;
            continue;
        };
        replaced.push_str(variables.get(name).map_or("", String::as_str));
        rest = after;
    }
    replaced + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_an_end_stays_as_it_is() {
        let variables = BTreeMap::from([("b".to_owned(), "c".to_owned())]);
        assert_eq!(replaced("a${stageVariables.b", &variables), "a${stageVariables.b");
        assert_eq!(replaced("${stageVariables.b}x${stageVariables.none}", &variables), "cx");
    }
}
