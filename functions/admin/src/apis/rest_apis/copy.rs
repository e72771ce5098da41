//! `cloneFrom` of CreateRestApi.

use keyplan_domain::api::RestApiDefinition;

/// Copies what an API is made of into one that is new: all but its name and what
/// else its creation says, its stages and its deployments. The reference says no
/// more than "the ID of the RestApi that you want to clone from".
pub(super) fn into(new: &mut RestApiDefinition, source: &RestApiDefinition) {
    let (root, old_root) = (new.api.root_resource_id.clone(), &source.api.root_resource_id);
    let renamed = |id: &String| if id == old_root { root.clone() } else { id.clone() };
    let api = new.api.clone();
    *new = source.clone();
    new.stages.clear();
    new.api = api;
    new.resources = source
        .resources
        .iter()
        .map(|(id, resource)| {
            let mut resource = resource.clone();
            resource.id = renamed(id);
            resource.parent_id = resource.parent_id.as_ref().map(renamed);
            (resource.id.clone(), resource)
        })
        .collect();
    new.methods = source.methods.iter().map(|(resource, methods)| (renamed(resource), methods.clone())).collect();
}

#[cfg(test)]
mod tests {
    use keyplan_domain::api::RestApi;
    use keyplan_domain::id::RestApiId;
    use keyplan_domain::time::Timestamp;

    use super::*;
    use crate::apis::testing::definition_with_method;

    #[test]
    fn all_but_the_api_itself_and_its_stages_is_copied_below_another_root() {
        let mut source = definition_with_method();
        source.stages.insert("prod".into(), crate::apis::testing::stage());
        let api = RestApi::new(RestApiId::new("new"), "copy", "newroot", Timestamp::from_seconds(1));
        let mut new = RestApiDefinition { api: api.clone(), ..source.clone() };
        new.resources.clear();
        new.methods.clear();
        into(&mut new, &source);
        assert_eq!(new.api, api);
        assert!(new.stages.is_empty());
        let paths =
            |of: &RestApiDefinition| of.resources.values().map(|resource| resource.path.clone()).collect::<Vec<_>>();
        let (mut here, mut there) = (paths(&new), paths(&source));
        here.sort();
        there.sort();
        assert_eq!(here, there);
        assert_eq!(new.resources["newroot"].path, "/");
        assert!(!new.resources.contains_key(&source.api.root_resource_id));
        for resource in new.resources.values().filter_map(|resource| resource.parent_id.as_ref()) {
            assert!(new.resources.contains_key(resource), "{resource}");
        }
        let verbs = |of: &RestApiDefinition| {
            of.methods.values().flat_map(|methods| methods.keys().cloned()).collect::<Vec<_>>()
        };
        assert_eq!(verbs(&new), verbs(&source));
        assert!(new.methods.keys().all(|resource| new.resources.contains_key(resource)));
    }
}
