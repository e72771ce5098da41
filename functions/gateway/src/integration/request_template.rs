use std::collections::BTreeMap;

use keyplan_domain::api;
use keyplan_domain::refusal::Refusal;

use keyplan_domain::template::{Template, Unsupported};

/// An integration's `requestTemplates`, each as the `T` that is made of it, and
/// what happens without one.
pub(super) struct RequestTemplates<T> {
    by_media_type: BTreeMap<String, T>,
    otherwise: Passthrough,
}

/// `passthroughBehavior` (developer guide, "Integration passthrough behaviors").
#[derive(Clone, Copy)]
enum Passthrough {
    WhenNoMatch,
    WhenNoTemplates,
    Never,
}

impl<T> RequestTemplates<T> {
    pub(super) fn compile(
        integration: &api::Integration,
        made_of: impl Fn(Template) -> T,
    ) -> Result<Self, Unsupported> {
        let by_media_type = integration
            .request_templates
            .iter()
            .map(|(media_type, text)| Ok((media_type.to_ascii_lowercase(), made_of(Template::mapping(text)?))))
            .collect::<Result<_, _>>()?;
        let otherwise = match integration.passthrough_behavior.as_str() {
            "WHEN_NO_TEMPLATES" => Passthrough::WhenNoTemplates,
            "NEVER" => Passthrough::Never,
            _ => Passthrough::WhenNoMatch,
        };
        Ok(Self { by_media_type, otherwise })
    }

    /// The template for a body of `content_type`, which is JSON when nothing is
    /// said; `None` passes the body through.
    ///
    /// # Errors
    /// When there is none and nothing may pass.
    pub(super) fn pick(&self, content_type: Option<&str>) -> Result<Option<&T>, Refusal> {
        let content_type = content_type.unwrap_or("application/json");
        let bare = content_type.split(';').next().unwrap_or_default().trim();
        let found = match self.by_media_type.get(bare) {
            Some(template) => Some(template),
            None => self.by_media_type.get(&bare.to_ascii_lowercase()).or_else(|| self.by_media_type.get("$default")),
        };
        match (found, self.otherwise) {
            (Some(template), _) => Ok(Some(template)),
            (None, Passthrough::WhenNoMatch) => Ok(None),
            (None, Passthrough::WhenNoTemplates) if self.by_media_type.is_empty() => Ok(None),
            (None, _) => Err(Refusal::UnsupportedMediaType),
        }
    }
}
