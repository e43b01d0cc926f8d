//! `portolan serve`: reads everything, checks everything, then opens the door.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use crate::{
    backend::{Backend, sql::run_script},
    config::{Config, Database, Listen, LogFormat, Overrides},
    gateway::{Gateway, catalog},
    mapping::Mapping,
    scim::profile::Profile,
    server::{self, Address, Bearer, Client, Front, LOG_CAPS, Listener, Roads, Server},
};

use super::{FAILED, FAULT, files, screen};

/// Runs the gateway of a configuration file.
pub(super) fn serve(file: &Path, listen: Option<String>, data: Option<PathBuf>) -> ExitCode {
    let overrides = Overrides { listen, data, ..Overrides::default() };
    match files::load_config(file, &overrides, &|name| std::env::var(name).ok()) {
        Ok(config) => run(&config, |addresses| screen::note(&format!("portolan listens on {addresses}"))),
        Err(faults) => {
            screen::report(&faults);
            ExitCode::from(FAULT)
        }
    }
}

/// Runs the gateway; `ready` is called with its addresses once it accepts connections.
pub(super) fn run(config: &Config, ready: impl FnOnce(&str) + Send + 'static) -> ExitCode {
    screen::report(&config.warnings);
    let Some(mut mapping) = files::load_mapping(&config.mapping, &files::vars(config)) else {
        return ExitCode::from(FAULT);
    };
    let faults = config.check_tenants(&mapping.tenant());
    if faults.has_errors() {
        screen::report(&faults);
        return ExitCode::from(FAULT);
    }
    if let Err(message) = log(config) {
        screen::note(&message);
        return ExitCode::from(FAILED);
    }
    // The pool of database connections needs a runtime of its own for as long as the process lives.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            screen::note(&format!("error: no runtime: {cause}"));
            return ExitCode::from(FAILED);
        }
    };
    let backend = match runtime.block_on(open(&mut mapping, config)) {
        Ok(backend) => backend,
        Err(message) => {
            screen::note(&format!("error: {message}"));
            return ExitCode::from(FAILED);
        }
    };
    let gateway = Gateway::new(&mapping, backend, &config.base_path, &config.base_url(), (&config.limits).into());
    let gateway = Arc::new(gateway.with_cursor_keys(&config.cursor_keys));
    let server = Server::new(&front(config), server::inner(gateway.clone())).and_then(|server| match config.admin {
        Some(address) => server.with_admin(address, server::probe(gateway)),
        None => Ok(server),
    });
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            screen::note(&format!("error: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let mut addresses: Vec<String> = server.addresses().map(ToString::to_string).collect();
    addresses.extend(server.admin_address().map(|address| format!("{address} (admin)")));
    let code = server.run(move || ready(&addresses.join(", ")));
    drop(runtime);
    code
}

/// Makes the databases that the configuration brings a script for and that are not there. A file that is there is
/// never touched, whatever it holds.
async fn make(databases: &[Database]) -> Result<(), String> {
    for Database { file, script } in databases.iter().filter(|d| d.file.symlink_metadata().is_err()) {
        let sql = fs::read_to_string(script).map_err(|e| format!("cannot read {}: {e}", script.display()))?;
        if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|e| format!("cannot make the folder {}: {e}", folder.display()))?;
        }
        run_script(file, &sql).await.map_err(|e| e.to_string())?;
        screen::note(&format!("made {} from {}", file.display(), script.display()));
    }
    Ok(())
}

/// Opens the app, compares the mapping's names with the database's, and lays beside them what it says.
async fn open(mapping: &mut Mapping, config: &Config) -> Result<Backend, String> {
    make(&config.databases).await?;
    let backend = Backend::open(&mapping.app, files::of_call(config)).await.map_err(|e| e.to_string())?;
    let catalog = catalog(&backend, mapping).await.map_err(|why| format!("{}: {why}", config.mapping.display()))?;
    mapping.learn(catalog);
    Ok(backend)
}

fn front(config: &Config) -> Front {
    let same_port = config.pass_through.as_ref().is_some_and(|p| p.listen.is_none());
    let mut listeners =
        vec![Listener { address: address(&config.listen), roads: if same_port { Roads::Both } else { Roads::Scim } }];
    let own = config.pass_through.as_ref().and_then(|p| p.listen.as_ref());
    listeners.extend(own.map(|listen| Listener { address: address(listen), roads: Roads::App }));
    let clients = config.clients.iter().map(|client| Client {
        name: client.name.as_str().into(),
        profile: Profile::named(&client.profile).unwrap_or(Profile::STRICT),
        tenant: client.tenant.clone(),
        bearers: client.bearers.iter().map(|b| Bearer { sha256: b.sha256, until: b.until }).collect(),
    });
    let limits = &config.limits;
    Front {
        listeners,
        base_path: config.base_path.clone(),
        pass_through: config.pass_through.as_ref().and_then(|p| p.to.authority().cloned()),
        clients: clients.collect(),
        limits: server::Limits {
            header_bytes: limits.header,
            headers: limits.headers,
            header_time: limits.header_time,
            keep_alive: Duration::from_secs(60),
            connections: limits.connections,
            body_bytes: limits.body,
            body_time: limits.request_time,
            answer_time: limits.request_time,
            kept_time: Duration::from_secs(120),
            in_flight: limits.in_flight,
            client_in_flight: limits.client_in_flight,
            connect_time: limits.upstream_time,
            drain: limits.drain,
        },
    }
}

fn address(listen: &Listen) -> Address {
    match listen {
        Listen::Tcp(address) => Address::Tcp(*address),
        Listen::Unix(path) => Address::Unix(path.display().to_string()),
    }
}

/// The log goes to standard error; foreign crates are kept quiet (law 12).
fn log(config: &Config) -> Result<(), String> {
    let filter = format!("{},{}", config.log.level, LOG_CAPS.join(","));
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| format!("error: the log's level: {e}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let begun = match config.log.format {
        LogFormat::Text => builder.with_ansi(screen::colour()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    begun.map_err(|e| format!("error: the log: {e}"))
}
