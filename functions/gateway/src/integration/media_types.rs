/// An API's `binaryMediaTypes`: bodies of these types are bytes, all others text.
pub(crate) struct BinaryMediaTypes(Vec<String>);

impl BinaryMediaTypes {
    pub(crate) fn new(types: Vec<String>) -> Self {
        Self(types.into_iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    /// Whether a media type is binary, its parameters left aside. `*/*` is
    /// every type, the missing one included.
    pub(crate) fn holds(&self, media_type: Option<&str>) -> bool {
        let bare = media_type.and_then(|name| name.split(';').next()).map(|name| name.trim().to_ascii_lowercase());
        self.0.iter().any(|binary| {
            binary == "*/*"
                || bare.as_deref().is_some_and(|bare| {
                    bare == binary
                        || binary
                            .strip_suffix('*')
                            .is_some_and(|family| family.ends_with('/') && bare.starts_with(family))
                })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_binary_by_name_by_family_or_because_all_are() {
        let types = BinaryMediaTypes::new(vec!["image/PNG".into(), "audio/*".into()]);
        assert!(types.holds(Some("image/png")));
        assert!(types.holds(Some("Image/PNG; q=1")));
        assert!(types.holds(Some("audio/ogg")));
        assert!(!types.holds(Some("image/jpeg")));
        assert!(!types.holds(None));
        assert!(BinaryMediaTypes::new(vec!["*/*".into()]).holds(None));
        assert!(!BinaryMediaTypes::new(Vec::new()).holds(Some("image/png")));
    }
}
