use keyplan_domain::api::{Resource, RestApiDefinition};
use keyplan_domain::route::MAX_VARIABLES;
use keyplan_wire::error::ApiError;
use keyplan_wire::patch::{Op, PatchOperation};

use crate::apis::missing;

const PATCH_PATHS: [&str; 2] = ["/parentId", "/pathPart"];

/// Puts a resource below `parent_id`.
pub(super) fn create(
    definition: &mut RestApiDefinition,
    parent_id: &str,
    part: &str,
    id: String,
) -> Result<Resource, ApiError> {
    let parent = definition.resources.get(parent_id).ok_or_else(missing::resource)?;
    let resource = Resource {
        id,
        parent_id: Some(parent_id.to_owned()),
        path_part: Some(part.to_owned()),
        path: below(parent, part),
    };
    check_place(definition, &resource)?;
    definition.resources.insert(resource.id.clone(), resource.clone());
    Ok(resource)
}

/// Carries out a patch of a resource, which may move it with all below it.
pub(super) fn patch(
    definition: &mut RestApiDefinition,
    id: &str,
    operations: &[PatchOperation],
) -> Result<Resource, ApiError> {
    let mut resource = definition.resources.get(id).ok_or_else(missing::resource)?.clone();
    for operation in operations {
        let path = operation.path.as_deref().unwrap_or_default();
        if !PATCH_PATHS.contains(&path) {
            return Err(operation.unknown_path(&PATCH_PATHS));
        }
        if operation.op != Op::Replace {
            return Err(operation.unsupported_op());
        }
        if resource.parent_id.is_none() {
            let member = path.trim_start_matches('/');
            return Err(ApiError::bad_request(format!("Root resource cannot update its {member}.")));
        }
        let value = operation.value.clone().unwrap_or_default();
        match path {
            "/parentId" => {
                if is_within(definition, &value, id) {
                    return Err(ApiError::bad_request("Resources cannot be cyclical."));
                }
                resource.parent_id = Some(value);
            }
            _ => resource.path_part = Some(value),
        }
    }
    if let (Some(parent_id), Some(part)) = (&resource.parent_id, &resource.path_part) {
        let parent = definition.resources.get(parent_id).ok_or_else(missing::resource)?;
        resource.path = below(parent, part);
        check_place(definition, &resource)?;
    }
    definition.resources.insert(id.to_owned(), resource.clone());
    renew_paths(definition, id)?;
    Ok(resource)
}

/// Deletes a resource and all below it.
pub(super) fn delete(definition: &mut RestApiDefinition, id: &str) -> Result<(), ApiError> {
    let resource = definition.resources.get(id).ok_or_else(missing::resource)?;
    if resource.parent_id.is_none() {
        return Err(ApiError::bad_request("Root resource cannot be deleted."));
    }
    let gone: Vec<String> =
        definition.resources.keys().filter(|other| is_within(definition, other, id)).cloned().collect();
    for id in gone {
        definition.resources.remove(&id);
        definition.methods.remove(&id);
    }
    Ok(())
}

/// Whether `resource` may be where it says.
fn check_place(definition: &RestApiDefinition, resource: &Resource) -> Result<(), ApiError> {
    let part = resource.path_part.as_deref().unwrap_or_default();
    let parent_id = resource.parent_id.as_deref().unwrap_or_default();
    let variable = variable(part)?;
    let parent = definition.resources.get(parent_id).and_then(|parent| parent.path_part.as_deref());
    if let Some(greedy) = parent.filter(|part| part.ends_with("+}")) {
        return Err(ApiError::bad_request(format!(
            "Cannot create a child of a resource with a greedy path variable: {greedy}"
        )));
    }
    let siblings = definition.children(parent_id).filter(|sibling| sibling.id != resource.id);
    for sibling in siblings.filter_map(|sibling| sibling.path_part.as_deref()) {
        if sibling == part {
            return Err(ApiError::conflict(format!(
                "Another resource with the same parent already has this name: {part}"
            )));
        }
        if variable && sibling.starts_with('{') {
            return Err(ApiError::bad_request(format!(
                "A sibling ({sibling}) of this resource already has a variable path part -- only one is allowed"
            )));
        }
    }
    if resource.path.matches('{').count() > MAX_VARIABLES {
        return Err(ApiError::bad_request(format!("A resource path can have at most {MAX_VARIABLES} variables.")));
    }
    Ok(())
}

/// Whether a path part is a variable.
fn variable(part: &str) -> Result<bool, ApiError> {
    let inner = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = inner.map_or(part, |name| name.strip_suffix('+').unwrap_or(name));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':');
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(ApiError::bad_request(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the \
             beginning and the end.",
        ));
    }
    Ok(inner.is_some())
}

fn below(parent: &Resource, part: &str) -> String {
    format!("{}/{part}", parent.path.trim_end_matches('/'))
}

/// Whether `id` is `ancestor` or below it.
fn is_within(definition: &RestApiDefinition, id: &str, ancestor: &str) -> bool {
    let mut at = Some(id);
    while let Some(id) = at {
        if id == ancestor {
            return true;
        }
        at = definition.resources.get(id).and_then(|resource| resource.parent_id.as_deref());
    }
    false
}

fn renew_paths(definition: &mut RestApiDefinition, parent_id: &str) -> Result<(), ApiError> {
    let mut parents = vec![parent_id.to_owned()];
    while let Some(parent) = parents.pop().and_then(|id| definition.resources.get(&id).cloned()) {
        let mut children: Vec<Resource> = definition.children(&parent.id).cloned().collect();
        for child in &mut children {
            child.path = below(&parent, child.path_part.as_deref().unwrap_or_default());
            check_place(definition, child)?;
            parents.push(child.id.clone());
        }
        definition.resources.extend(children.into_iter().map(|child| (child.id.clone(), child)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apis::testing::{definition, method, operation};

    fn with(parts: &[(&str, &str, &str)]) -> RestApiDefinition {
        let mut definition = definition();
        for (id, parent, part) in parts {
            create(&mut definition, parent, part, (*id).to_owned()).unwrap();
        }
        definition
    }

    fn refusal(definition: &RestApiDefinition, parent: &str, part: &str) -> (u16, String) {
        let error = create(&mut definition.clone(), parent, part, "new".into()).unwrap_err();
        (error.status, error.message)
    }

    #[test]
    fn a_resource_is_made_of_its_parent_and_its_part() {
        let definition = with(&[("pets", "root", "pets"), ("pet", "pets", "{petId}"), ("any", "pet", "{proxy+}")]);
        assert_eq!(definition.resources["pets"].path, "/pets");
        assert_eq!(definition.resources["any"].path, "/pets/{petId}/{proxy+}");
    }

    #[test]
    fn what_cannot_be_there_is_told_as_recorded() {
        let definition = with(&[("pets", "root", "pets"), ("proxy", "root", "{proxy+}")]);
        for (parent, part, status, text) in [
            ("none", "x", 404, "Invalid Resource identifier specified"),
            ("root", "pets", 409, "Another resource with the same parent already has this name: pets"),
            (
                "root",
                "{id}",
                400,
                "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed",
            ),
            ("proxy", "x", 400, "Cannot create a child of a resource with a greedy path variable: {proxy+}"),
        ] {
            assert_eq!(refusal(&definition, parent, part), (status, text.to_owned()));
        }
        for part in ["", "a b", "a/b", "{a", "a}", "{}", "{+}", "{a}b", "{a+b}", "é"] {
            let (status, text) = refusal(&definition, "pets", part);
            assert_eq!(status, 400);
            assert!(text.starts_with("Resource's path part only allow a-zA-Z0-9._-:"), "{part}: {text}");
        }
    }

    #[test]
    fn a_moved_resource_takes_along_what_is_below() {
        let mut definition = with(&[("a", "root", "a"), ("b", "a", "b"), ("c", "b", "c"), ("d", "root", "d")]);
        let operations = [operation(Op::Replace, "/parentId", "d"), operation(Op::Replace, "/pathPart", "e")];
        let moved = patch(&mut definition, "b", &operations).unwrap();
        assert_eq!(moved.path, "/d/e");
        assert_eq!(definition.resources["c"].path, "/d/e/c");
    }

    #[test]
    fn what_cannot_be_patched_is_told_as_recorded() {
        let definition = with(&[("a", "root", "a"), ("b", "a", "b")]);
        let refusal = |id: &str, op, path: &str, value: &str| {
            patch(&mut definition.clone(), id, &[operation(op, path, value)]).unwrap_err().message
        };
        for (id, op, path, value, text) in [
            ("a", Op::Replace, "/parentId", "b", "Resources cannot be cyclical."),
            ("a", Op::Replace, "/parentId", "a", "Resources cannot be cyclical."),
            ("a", Op::Replace, "/parentId", "x", "Invalid Resource identifier specified"),
            ("root", Op::Replace, "/pathPart", "x", "Root resource cannot update its pathPart."),
            ("root", Op::Replace, "/parentId", "a", "Root resource cannot update its parentId."),
            (
                "a",
                Op::Replace,
                "/invalid",
                "x",
                "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]",
            ),
            (
                "a",
                Op::Remove,
                "/pathPart",
                "",
                "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations",
            ),
        ] {
            assert_eq!(refusal(id, op, path, value), text);
        }
    }

    #[test]
    fn a_deleted_resource_takes_along_what_is_below_and_its_methods() {
        let mut definition = with(&[("a", "root", "a"), ("b", "a", "b"), ("c", "root", "c")]);
        definition.methods.entry("b".into()).or_default().insert("GET".into(), method());
        delete(&mut definition, "a").unwrap();
        assert_eq!(definition.resources.keys().collect::<Vec<_>>(), ["c", "root"]);
        assert!(definition.methods.is_empty());
        assert_eq!(delete(&mut definition, "root").unwrap_err().status, 400);
        assert_eq!(delete(&mut definition, "a").unwrap_err().status, 404);
    }
}
