//! All parts of the local stack, put together.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keyplan_admin::Admin;
use keyplan_authorizer::jwt::{InvalidIssuer, Issuer};
use keyplan_authorizer::{Authorizer, read_issuers};
use keyplan_gateway::{AddressRule, Gateway, Inspector, lambda_client};
use keyplan_store::clock::Clock;
use keyplan_store::connect::{Connection, MissingVariable, credentials_from_env};
use keyplan_store::tables::TableError;
use keyplan_store::{Store, Tables};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::LocalClock;
use crate::control::{self, Caches, ClockControl, Control};
use crate::data_plane;
use crate::demo::{self, Demo, DemoError};
use crate::dynamodb::{Embedded, FileError};
use crate::flags::{AccessKeys, Flags, InvalidCredentials};
use crate::lambda::{Forward, Hosted, Lambda};

/// A local stack that serves.
pub(crate) struct Stack {
    control: SocketAddr,
    gateway: SocketAddr,
    dynamodb: String,
    demo: Option<Demo>,
    servers: JoinSet<()>,
    shutdown: watch::Sender<bool>,
}

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Credentials(#[from] InvalidCredentials),
    #[error("{0}")]
    Environment(#[from] MissingVariable),
    #[error("--{flag} {address}: {source}")]
    Bind { flag: &'static str, address: SocketAddr, source: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the tables at {url} cannot be used: {source}")]
    Tables { url: String, source: TableError },
    #[error("--jwt-issuers {}: {cause}", path.display())]
    Issuers { path: PathBuf, cause: String },
    #[error("--jwt-issuers: {0}")]
    Issuer(#[from] InvalidIssuer),
    #[error("--demo: {0}")]
    Demo(#[from] DemoError),
    #[error("--lambda-endpoint {url} is the address of this very program's --control")]
    EndlessForwarding { url: String },
    #[error("signals cannot be waited for: {0}")]
    Signals(io::Error),
}

/// How long those who are being answered have when the program is to end.
const PATIENCE: Duration = Duration::from_secs(2);

impl Stack {
    /// Starts everything, or nothing.
    pub(crate) async fn start(flags: Flags) -> Result<Self, StartError> {
        let keys = flags.access_keys()?;
        let control = bind("control", flags.control).await?;
        let gateway = bind("gateway", flags.gateway).await?;
        if flags.lambda_endpoint.as_deref() == Some(&*url(control.1)) {
            return Err(StartError::EndlessForwarding { url: url(control.1) });
        }
        let mut servers = JoinSet::new();
        let (shutdown, ended) = watch::channel(false);
        let clock = Arc::new(LocalClock::default());
        let tables = flags.tables();
        let (embedded, connection) = match &flags.dynamodb_endpoint {
            Some(url) => (None, elsewhere(&flags, &keys, url.clone())?),
            None => {
                let (listener, address) = bind("dynamodb", flags.dynamodb).await?;
                let embedded = match &flags.data {
                    Some(path) => Embedded::in_file(path)?,
                    None => Embedded::in_memory()?,
                };
                servers.spawn(embedded.clone().serve(listener, end_of(&ended)));
                servers
                    .spawn(until(end_of(&ended), embedded.clone().sweep_at_intervals(tables.clone(), clock.clone())));
                (Some(embedded), here(&flags, &keys, url(address)))
            }
        };
        let dynamodb = connection.endpoint_url.clone().unwrap_or_default();
        let store = Store::new(connection.dynamodb(), tables.clone());
        let unusable = |source: TableError| StartError::Tables { url: dynamodb.clone(), source };
        match &flags.config_table {
            None => store.create_tables().await.map_err(TableError::from),
            Some(_) => store.check_tables(flags.usage_table.is_some()).await,
        }
        .map_err(unusable)?;
        if embedded.is_some() {
            clock.run_ahead(store.local_clock_offset().await.map_err(|error| unusable(error.into()))?);
        }
        let demo = match flags.demo {
            true => Some(demo::make(&store, &demo::Place::of(&flags), clock.now()).await?),
            false => None,
        };
        let parts = Parts { flags: &flags, keys, store, tables, clock, embedded, control: control.1 };
        let (data_plane, control_plane) = parts.assemble()?;
        servers.spawn(data_plane::serve(gateway.0, data_plane, end_of(&ended)));
        servers.spawn(control::serve(control.0, control_plane.router(), end_of(&ended)));
        Ok(Self { control: control.1, gateway: gateway.1, dynamodb, demo, servers, shutdown })
    }

    /// The one line that says that all is up.
    pub(crate) fn ready_line(&self) -> String {
        format!("ready control=http://{} gateway=http://{} dynamodb={}", self.control, self.gateway, self.dynamodb)
    }

    /// Commands to try, each with the status it shows.
    pub(crate) fn demo_commands(&self) -> Vec<String> {
        self.demo.as_ref().map(|demo| demo.commands(&url(self.gateway))).unwrap_or_default()
    }

    /// Takes no more requests, and waits a little for those under way.
    pub(crate) async fn stop(mut self) {
        self.shutdown.send_replace(true);
        let all = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::info!("requests under way were cut off");
        }
    }
}

/// What the servers are made of.
struct Parts<'a> {
    flags: &'a Flags,
    keys: AccessKeys,
    store: Store,
    tables: Tables,
    clock: Arc<LocalClock>,
    embedded: Option<Embedded>,
    control: SocketAddr,
}

impl Parts<'_> {
    fn assemble(self) -> Result<(Gateway, Control), StartError> {
        let Self { flags, keys, store, tables, clock, embedded, control } = self;
        let own = here(flags, &keys, url(control));
        let settings = keyplan_gateway::Settings {
            region: flags.region.clone(),
            account_id: flags.account_id.clone(),
            cache_ttl: CACHE_TTL,
            lease_cap: self.flags.lease_cap,
            on_failure: flags.metering_on_failure.unwrap_or_default(),
            retry_after: true,
            // Backends of a local stack are on the same machine, as a rule.
            address_rule: AddressRule::Any,
            rate_limit_headers: flags.rate_limit_headers,
            default_target: None,
        };
        let lambda = lambda_client(&own, own.endpoint_url.as_deref());
        let inspector = Inspector::new(settings.clone(), store.clone(), lambda.clone(), clock.clone());
        let gateway = Gateway::new(settings, store.clone(), lambda, clock.clone());
        let authorizer = Authorizer::new(store.clone(), clock.clone()).trusting(issuers(flags)?)?;
        let authorizer = Arc::new(authorizer);
        let forward = match &flags.lambda_endpoint {
            Some(url) => {
                let there = elsewhere(flags, &keys, url.clone())?;
                Some(Forward::new(lambda_client(&there, there.endpoint_url.as_deref())))
            }
            None => None,
        };
        let settings = keyplan_admin::Settings { region: flags.region.clone(), account_id: flags.account_id.clone() };
        let admin = Admin::new(settings, store.clone(), clock.clone(), keys.accepted.clone());
        let control = Control {
            admin,
            inspector,
            lambda: Lambda {
                hosted: Hosted { authorizer: authorizer.clone() },
                forward,
                region: flags.region.clone(),
                account_id: flags.account_id.clone(),
            },
            clock: ClockControl::new(clock, embedded.map(|embedded| (embedded, store, tables))),
            caches: Caches { gateway: gateway.clone(), authorizer },
            credentials: keys.accepted,
            region: flags.region.clone(),
        };
        Ok((gateway, control))
    }
}

/// How long what was read may be believed where others write too.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// What `--jwt-issuers` names.
fn issuers(flags: &Flags) -> Result<Vec<Issuer>, StartError> {
    let Some(path) = &flags.jwt_issuers else {
        return Ok(Vec::new());
    };
    let unreadable = |cause: String| StartError::Issuers { path: path.clone(), cause };
    let json = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    read_issuers(&json).map_err(|error| unreadable(error.to_string()))
}

/// An endpoint of this process.
fn here(flags: &Flags, keys: &AccessKeys, url: String) -> Connection {
    Connection::new(flags.region.as_str(), Some(url), keys.own.clone())
}

/// An endpoint of somebody else's: whoever has set credentials has set them for it.
fn elsewhere(flags: &Flags, keys: &AccessKeys, url: String) -> Result<Connection, MissingVariable> {
    let credentials = match credentials_from_env() {
        Err(missing) if missing.name == "AWS_ACCESS_KEY_ID" => keys.own.clone(),
        set => set?,
    };
    Ok(Connection::new(flags.region.as_str(), Some(url), credentials))
}

async fn bind(flag: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { flag, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Where clients on this machine reach `address`.
fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn end_of(ended: &watch::Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut ended = ended.clone();
    async move {
        // An error means that the sender is gone, which is the end as well.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

async fn until(end: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = end => {}
        () = work => {}
    }
}
