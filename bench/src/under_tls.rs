//! The authorizer and the gateway over a DynamoDB that is reached by TLS, with a
//! token and a key that are known to it.

use bytes::Bytes;
use tokio::process::Command;

use crate::api::Error;
use crate::function::Built;
use crate::instant_dynamodb::InstantDynamodb;
use crate::known_key::KnownKey;
use crate::known_token::{Form, KnownToken};
use crate::runtime_api::Function;
use crate::tls::TlsFront;

pub(crate) struct UnderTls {
    token: Bytes,
    key: Bytes,
    authorizer: (Built, TlsFront),
    gateway: (Built, TlsFront),
    _instant: InstantDynamodb,
    embedded: KnownKey,
}

impl UnderTls {
    /// The authorizer reads a DynamoDB that answers at once, the gateway writes
    /// to the embedded one. Both have answered as they should once.
    pub(crate) async fn make() -> Result<Self, Error> {
        let known_token = KnownToken::make().await?;
        let instant = InstantDynamodb::start(known_token.found_by.clone()).await?;
        let known_key = KnownKey::make().await?;
        let [authorizer, gateway] = [TlsFront::before(&instant.url()).await?, TlsFront::before(known_key.url()).await?];
        let made = Self {
            token: known_token.event(Form::Token).to_string().into(),
            key: known_key.event().to_string().into(),
            authorizer: (Built::over(&authorizer.url, "authorizer").await?, authorizer),
            gateway: (Built::over(&gateway.url, "gateway").await?, gateway),
            _instant: instant,
            embedded: known_key,
        };
        known_token.expect_in(&answer(made.authorizer()).await?)?;
        made.embedded.expect_in(&answer(made.gateway()).await?)?;
        made.embedded.expect_in(&answer(made.gateway_of_one_api()).await?)?;
        Ok(made)
    }

    /// What starts the authorizer, which keeps no token, and its event.
    pub(crate) fn authorizer(&self) -> (Command, Bytes) {
        let mut command = command(&self.authorizer);
        command.env("TOKEN_CACHE_TTL_SECONDS", "0");
        (command, self.token.clone())
    }

    /// What starts the gateway, and its event.
    pub(crate) fn gateway(&self) -> (Command, Bytes) {
        (command(&self.gateway), self.key.clone())
    }

    /// The same where it serves one API, whose requests name none.
    pub(crate) fn gateway_of_one_api(&self) -> (Command, Bytes) {
        let mut command = command(&self.gateway);
        let (variables, event) = self.embedded.as_default();
        command.envs(variables.iter().cloned());
        (command, event.to_string().into())
    }
}

fn command((built, tls): &(Built, TlsFront)) -> Command {
    let mut command = built.command();
    tls.trusted_by(&mut command);
    command
}

async fn answer((command, event): (Command, Bytes)) -> Result<Bytes, Error> {
    let mut function = Function::start(command).await?;
    let answer = function.answer(&event).await?;
    function.stop().await?;
    Ok(answer)
}
