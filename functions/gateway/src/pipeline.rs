//! The way of a request, in API Gateway's order: address, stage, route,
//! authorizer, key and plan, limits, request validator, integration. Whoever refuses ends it.

mod decisions;

use std::sync::Arc;

use aws_sdk_lambda::Client;
use keyplan_domain::refusal::Refusal;
use keyplan_domain::time::Timestamp;
use keyplan_store::Store;
use keyplan_store::clock::Clock;

use crate::address::{self, Address};
use crate::admission::Admission;
use crate::answer;
use crate::authorizer::Authorizers;
use crate::configuration::{Configuration, StageName};
use crate::deployed::{DeployedMethod, DeployedStage, Guard};
use crate::exchange::Exchange;
use crate::http_client::HttpClient;
use crate::integration::Backends;
use crate::request::{Request, RequestIds};
use crate::settings::Settings;
use crate::{Response, key, limits, rate_limit, well_formed};

pub use decisions::{Decisions, Placed};

pub(crate) struct Pipeline {
    settings: Settings,
    clock: Arc<dyn Clock>,
    configuration: Configuration,
    authorizers: Authorizers,
    admission: Admission,
    backends: Backends,
}

impl Pipeline {
    pub(crate) fn new(settings: Settings, store: Store, lambda: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            configuration: Configuration::new(store.clone(), clock.clone(), &settings),
            authorizers: Authorizers::new(lambda.clone(), clock.clone()),
            admission: Admission::new(store, clock.clone(), &settings),
            backends: Backends { lambda, http: HttpClient::new(settings.address_rule.clone()) },
            settings,
            clock,
        }
    }

    pub(crate) async fn warm_up(&self) {
        let default_target = self.settings.default_target.as_ref();
        let stage = default_target.map(|target| StageName { api: target.api_id.clone(), stage: target.stage.clone() });
        self.configuration.warm_up(stage.as_ref(), self.clock.now()).await;
    }

    pub(crate) async fn handle(&self, request: &Request) -> Response {
        let received = self.clock.now();
        let ids = RequestIds::of(request);
        let (stage, path) = match self.place(request, received).await {
            Ok(placed) => placed,
            Err(refusal) => {
                let response = answer::refuse_unplaced(&refusal, request, &ids, received, &self.settings);
                return answer::identified(response, ids);
            }
        };
        let mut exchange = self.exchange(request, &ids, &stage, path, received);
        let mut response = match self.pass(&mut exchange).await {
            Ok(response) => response,
            Err(refusal) => answer::refuse(&refusal, &exchange, self.clock.now()),
        };
        if self.settings.rate_limit_headers
            && let Some(meter) = &exchange.meter
        {
            rate_limit::tell(response.headers_mut(), &meter.left(), self.clock.now());
        }
        answer::identified(response, ids)
    }

    fn exchange<'a>(
        &'a self,
        request: &'a Request,
        ids: &'a RequestIds,
        stage: &'a DeployedStage,
        path: &'a str,
        received: Timestamp,
    ) -> Exchange<'a> {
        Exchange {
            request,
            ids,
            received,
            settings: &self.settings,
            stage,
            path,
            additional_context: None,
            route: None,
            authorized: None,
            key: None,
            plan: None,
            meter: None,
        }
    }

    /// Finds the stage that a request is for, and the path within it.
    async fn place<'r>(
        &'r self,
        request: &'r Request,
        now: Timestamp,
    ) -> Result<(Arc<DeployedStage>, &'r str), Refusal> {
        limits::check(request)?;
        well_formed::check(request)?;
        let Address { api, stage, path } =
            address::of(request, self.settings.default_target.as_ref()).ok_or(Refusal::StageUnknown)?;
        let name = StageName { api, stage: stage.to_owned() };
        let stage = self.configuration.stage(&name, now).await?.ok_or(Refusal::StageUnknown)?;
        Ok((stage, path))
    }

    async fn pass(&self, exchange: &mut Exchange<'_>) -> Result<Response, Refusal> {
        let method = route(exchange)?;
        if let Guard::Lambda(authorizer) = &method.guard {
            if method.key_required && authorizer.is_shown_the_key() {
                self.look_up_key(exchange).await?;
            }
            Box::pin(self.authorizers.authorize(authorizer, exchange)).await?;
        }
        self.admission.admit(&self.configuration, method, exchange).await?;
        if let Some(validation) = &method.validation {
            validation.check(exchange)?;
        }
        method.integration.call(exchange, &self.backends).await
    }

    /// Finds the key that the header presents, for the authorizer to be told
    /// of. One that is not known is refused only behind the authorizer.
    async fn look_up_key(&self, exchange: &mut Exchange<'_>) -> Result<(), Refusal> {
        match key::identify(&self.configuration, exchange.presented_key(), exchange.received).await {
            Ok(key) => exchange.key = Some(key),
            Err(Refusal::KeyMissing | Refusal::KeyUnknown { .. }) => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    pub(crate) fn drop_caches(&self) {
        self.configuration.clear();
        self.admission.forget();
    }
}

/// Finds the method that serves a request.
fn route<'a>(exchange: &mut Exchange<'a>) -> Result<&'a DeployedMethod, Refusal> {
    let deployment = &exchange.stage.deployment;
    if deployment.endpoint_disabled {
        return Err(Refusal::EndpointDisabled);
    }
    let found = deployment.routes.lookup(exchange.path, exchange.verb()).ok_or(Refusal::RouteUnknown)?;
    let method = found.value;
    exchange.route = Some(found);
    match deployment.unsupported.or(method.unsupported) {
        Some(what) => Err(Refusal::Unsupported { what }),
        None => Ok(method),
    }
}
