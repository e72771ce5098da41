use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use super::AddressRule;

/// The system's resolver, which forgets addresses that may not be reached.
/// Asked anew for each connection, it leaves no time in which a name could be
/// given another address.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    rule: Arc<AddressRule>,
    system: GaiResolver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("the name has no address")]
    Unknown,
    #[error("the name has no address that may be reached")]
    Refused,
}

impl Resolver {
    pub(super) fn new(rule: Arc<AddressRule>) -> Self {
        Self { rule, system: GaiResolver::new() }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        self.system.poll_ready(context).map_err(|_| ResolveError::Unknown)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.system.call(name);
        let rule = self.rule.clone();
        Box::pin(async move {
            let all: Vec<SocketAddr> = found.await.map_err(|_| ResolveError::Unknown)?.collect();
            if all.is_empty() {
                return Err(ResolveError::Unknown);
            }
            let permitted: Vec<_> = all.into_iter().filter(|address| rule.permits(address.ip())).collect();
            if permitted.is_empty() { Err(ResolveError::Refused) } else { Ok(permitted.into_iter()) }
        })
    }
}

/// The resolver's error in the chain of a client's.
pub(super) fn error_in(error: &(dyn Error + 'static)) -> Option<ResolveError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<ResolveError>() {
            return Some(*found);
        }
        next = error.source();
    }
    None
}
