use std::collections::BTreeMap;

/// What an API has for each media type of a body: templates, models.
pub(crate) struct ByMediaType<T>(BTreeMap<String, T>);

impl<T> FromIterator<(String, T)> for ByMediaType<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(media_type, value)| (media_type.to_ascii_lowercase(), value)).collect())
    }
}

impl<T> ByMediaType<T> {
    /// What there is for a body of `content_type`, its parameters left aside, or
    /// for any: `$default`. A body is JSON when nothing is said.
    pub(crate) fn pick(&self, content_type: Option<&str>) -> Option<&T> {
        let bare = bare(content_type);
        match self.0.get(bare) {
            Some(value) => Some(value),
            None => self.0.get(&bare.to_ascii_lowercase()).or_else(|| self.0.get("$default")),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }
}

/// The media type of a body, without parameters, as it was sent.
pub(crate) fn bare(content_type: Option<&str>) -> &str {
    content_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_found_whatever_its_case_and_parameters() {
        let of = |names: &[&'static str]| -> ByMediaType<&'static str> {
            names.iter().map(|&name| (name.to_owned(), name)).collect()
        };
        let types = of(&["application/json", "Text/Plain"]);
        assert_eq!(types.pick(None), Some(&"application/json"));
        assert_eq!(types.pick(Some("Application/JSON ; charset=utf-8")), Some(&"application/json"));
        assert_eq!(types.pick(Some("text/plain")), Some(&"Text/Plain"));
        assert_eq!(types.pick(Some("text/html")), None);
        assert_eq!(types.pick(Some("")), None);
        assert_eq!(of(&["text/plain", "$default"]).pick(None), Some(&"$default"));
    }
}
