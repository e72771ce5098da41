use keyplan_domain::api;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::template::{Template, Unsupported};

use crate::by_media_type::ByMediaType;

/// An integration's `requestTemplates`, each as the `T` that is made of it, and
/// what happens without one.
pub(super) struct RequestTemplates<T> {
    by_media_type: ByMediaType<T>,
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
            .map(|(media_type, text)| Ok((media_type.clone(), made_of(Template::mapping(text)?))))
            .collect::<Result<_, _>>()?;
        let otherwise = match integration.passthrough_behavior.as_str() {
            "WHEN_NO_TEMPLATES" => Passthrough::WhenNoTemplates,
            "NEVER" => Passthrough::Never,
            _ => Passthrough::WhenNoMatch,
        };
        Ok(Self { by_media_type, otherwise })
    }

    /// The template for a body of `content_type`; `None` passes the body through.
    ///
    /// # Errors
    /// When there is none and nothing may pass.
    pub(super) fn pick(&self, content_type: Option<&str>) -> Result<Option<&T>, Refusal> {
        match (self.by_media_type.pick(content_type), self.otherwise) {
            (Some(template), _) => Ok(Some(template)),
            (None, Passthrough::WhenNoMatch) => Ok(None),
            (None, Passthrough::WhenNoTemplates) if self.by_media_type.is_empty() => Ok(None),
            (None, _) => Err(Refusal::UnsupportedMediaType),
        }
    }
}
