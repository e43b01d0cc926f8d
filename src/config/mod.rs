//! `portolan.yaml`: where to listen, who may call, which mapping, and the limits.
//!
//! The only file that may name environment variables and files; what a mapping may see of them is listed in `vars`.
//! All faults of the file are reported together. The reference page is `docs/reference/config.md`.

mod clients;
mod kind;
mod limits;
mod tenants;
mod values;
mod variables;
mod vars;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tracing::Level;

use crate::diagnostic::{Diagnostics, Faults, Place, Source};
use crate::yaml::{self, Fields, Node};

pub use clients::{Bearer, Client};
pub use kind::FileKind;
pub use limits::Limits;
pub use tenants::Tenant;
pub use values::{Listen, Secret};
pub use variables::{Piece, pieces};

/// `portolan.yaml` as meant: defaults filled in, variables replaced, every value checked.
#[derive(Debug)]
pub struct Config {
    /// Where clients connect.
    pub listen: Listen,
    /// What stands before `/Users` in a path: `/scim/v2`, without a slash at the end; empty for none.
    pub base_path: String,
    /// Scheme, host and path prefix under which clients see `listen`, without a slash at the end.
    pub public_url: String,
    /// The mapping file.
    pub mapping: PathBuf,
    /// What `${NAME}` stands for in the mapping.
    pub vars: BTreeMap<String, Var>,
    /// Databases that are made before the start where they are missing.
    pub databases: Vec<Database>,
    /// Who may call; never empty.
    pub clients: Vec<Client>,
    /// The keys that seal cursors; the first seals, all open.
    pub cursor_keys: Vec<CursorKey>,
    /// Where requests outside `base_path` go; nowhere by default.
    pub pass_through: Option<PassThrough>,
    /// Where those who watch over the process are listened to; nowhere by default.
    pub admin: Option<SocketAddr>,
    /// Bounds on what one request or the process may use.
    pub limits: Limits,
    /// What is logged and how.
    pub log: Log,
    /// What is odd but no error; for the caller to show.
    pub warnings: Diagnostics,
}

/// A database file and the script that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The SQLite file, in the data folder.
    pub file: PathBuf,
    /// SQL statements, read only where there is no such file.
    pub script: PathBuf,
}

/// A variable of the mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Var {
    /// Its value, which may hold a password even where it is not marked as secret.
    pub value: Secret,
    /// Whether it may stand only in the mapping's `auth`.
    pub secret: bool,
    /// Where it is declared.
    pub place: Place,
}

/// A key that seals cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorKey {
    /// Its name, a digest of which stands in the cursor.
    pub id: String,
    /// At least 32 bytes.
    pub key: Secret<Vec<u8>>,
}

/// Requests that are not SCIM are handed to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassThrough {
    /// The app's scheme and host, without a path.
    pub to: http::Uri,
    /// A listener of its own; `None` for the port that SCIM uses.
    pub listen: Option<Listen>,
}

/// What is logged and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// The least level that is written.
    pub level: Level,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

/// What the command line says instead of the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `listen`, in the form the file has it.
    pub listen: Option<String>,
    /// `mapping`, relative to the working directory.
    pub mapping: Option<PathBuf>,
    /// The data folder; else that of the file.
    pub data: Option<PathBuf>,
}

impl Config {
    /// Reads and checks the file at `path`. `env` looks up environment variables; `profiles` are the names a client's
    /// `profile` may have, the default one first.
    ///
    /// # Errors
    /// Every fault of the file, warnings among them.
    pub fn load(
        path: &Path,
        env: &dyn Fn(&str) -> Option<String>,
        profiles: &[&str],
        overrides: &Overrides,
    ) -> Result<Config, Diagnostics> {
        let mut faults = Faults::new(Source::read(path)?);
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut unfilled = Vec::new();
        let config = yaml::parse(&mut faults).and_then(|mut root| {
            mask_secrets(&root, &mut faults);
            if !FileKind::Configuration.is_read_from(&root, &mut faults) {
                return None;
            }
            unfilled = variables::fill(&mut root, &mut faults, &variables::Lookup { env, folder });
            read(&root, &mut faults, folder, profiles, overrides)
        });
        let mut found = faults.into_diagnostics();
        // A value that could not be filled is no good either, but that is not news.
        found.retain(|fault| fault.code != "bad-value" || !fault.span().is_some_and(|span| unfilled.contains(&span)));
        match config {
            Some(config) if !found.has_errors() => Ok(Config { warnings: found, ..config }),
            _ => Err(found),
        }
    }

    /// What every `Location` and `meta.location` begins with.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}{}", self.public_url, self.base_path)
    }
}

/// Secrets that stand in the file itself are not drawn beside a fault; the name of a variable is.
fn mask_secrets(root: &Node, faults: &mut Faults) {
    let keys = root.get("cursor_keys").and_then(Node::as_list).into_iter().flatten().filter_map(|key| key.get("key"));
    let vars = root.get("vars").and_then(Node::as_map).into_iter().flatten();
    let secret_vars = vars.filter(|(_, var)| var.get("secret").is_some()).filter_map(|(_, var)| var.get("value"));
    keys.chain(secret_vars).for_each(|node| mask(node, faults));
}

fn mask(node: &Node, faults: &mut Faults) {
    if !faults.written(node.span).contains("${") {
        faults.mask(node.span);
    }
}

fn read(root: &Node, faults: &mut Faults, folder: &Path, profiles: &[&str], overrides: &Overrides) -> Option<Config> {
    let mut fields = root.map(faults, "the configuration")?;

    let listen_node = fields.take("listen");
    let listen = match (&overrides.listen, listen_node) {
        (Some(text), _) => values::listen_override(text, faults),
        (None, Some(node)) => values::listen(node, faults, "`listen`"),
        (None, None) => Some(values::DEFAULT_LISTEN),
    };
    let base_path = match fields.take("base_path") {
        Some(node) => values::base_path(node, faults),
        None => Some("/scim/v2".to_owned()),
    };
    let listen_span = listen_node.map_or(fields.span(), |node| node.span);
    let public_url = match fields.take("public_url") {
        Some(node) => values::public_url(node, faults),
        None => listen.as_ref().and_then(|listen| values::url_of(listen, listen_span, faults)),
    };
    let mapping = match &overrides.mapping {
        Some(path) => {
            fields.take("mapping");
            Some(path.clone())
        }
        None => fields
            .required(faults, "mapping")
            .and_then(|node| node.text(faults, "`mapping`"))
            .map(|path| folder.join(path)),
    };
    let data = overrides.data.as_deref().unwrap_or(folder);
    let (vars, databases) = vars::read(fields.entries(faults, "vars"), folder, data, faults);
    let tenants = tenants::read(fields.entries(faults, "tenants"), faults);
    let clients = match fields.required(faults, "clients") {
        Some(node) => clients::read(node, faults, profiles, &tenants),
        None => Vec::new(),
    };
    let cursor_keys = cursor_keys(fields.list(faults, "cursor_keys"), faults);
    let pass_through = fields.take("passthrough");
    if let (Some(node), Some("")) = (pass_through, base_path.as_deref())
        && node.get("same_port").is_some_and(|shared| shared.value == yaml::Value::Bool(true))
    {
        faults
            .error(node.span, "bad-value", "`same_port` needs a `base_path` to tell SCIM from the rest")
            .help("write `listen` instead, or a `base_path` other than `/`");
    }
    let pass_through = pass_through.and_then(|node| read_pass_through(node, faults));
    let taken: Vec<&Listen> = listen.iter().chain(pass_through.iter().filter_map(|p| p.listen.as_ref())).collect();
    let admin = fields.map(faults, "admin").and_then(|admin| read_admin(admin, &taken, faults));
    let limits = fields.map(faults, "limits").map_or_else(Limits::default, |limits| Limits::read(limits, faults));
    let log = fields.map(faults, "log").map_or(Log::DEFAULT, |log| Log::read(log, faults));
    fields.finish(faults);

    Some(Config {
        listen: listen?,
        base_path: base_path?,
        public_url: public_url?,
        mapping: mapping?,
        vars,
        databases,
        clients,
        cursor_keys,
        pass_through,
        admin,
        limits,
        log,
        warnings: Diagnostics::default(),
    })
}

fn cursor_keys(items: &[Node], faults: &mut Faults) -> Vec<CursorKey> {
    let mut keys: Vec<CursorKey> = Vec::new();
    for node in items {
        let Some(mut fields) = node.map(faults, "a cursor key") else { continue };
        let id_node = fields.required(faults, "id");
        let id = id_node.and_then(|id| id.text(faults, "`id`"));
        let key = fields.required(faults, "key").and_then(|key| values::key(key, faults));
        fields.finish(faults);
        if let (Some(id), Some(node)) = (id, id_node)
            && keys.iter().any(|other| other.id == id)
        {
            faults.error(node.span, "duplicate-name", "another cursor key has this `id`");
        }
        if let (Some(id), Some(key)) = (id, key) {
            keys.push(CursorKey { id: id.to_owned(), key });
        }
    }
    keys
}

fn read_pass_through(node: &Node, faults: &mut Faults) -> Option<PassThrough> {
    let mut fields = node.map(faults, "`passthrough`")?;
    let to = fields.required(faults, "to").and_then(|to| values::origin(to, faults));
    let own = fields.take("listen");
    let listen = own.and_then(|node| values::listen(node, faults, "`listen`"));
    let same_port = fields.bool(faults, "same_port").unwrap_or(false);
    if own.is_some() == same_port {
        faults
            .error(fields.span(), "bad-value", "`passthrough` needs one of `listen` and `same_port: true`")
            .help("a listener of its own keeps the app's other paths off the port that identity providers reach");
    }
    fields.finish(faults);
    Some(PassThrough { to: to?, listen })
}

/// An address of its own: what is shown there is for nobody who speaks SCIM, and asks for no token.
fn read_admin(mut fields: Fields<'_>, taken: &[&Listen], faults: &mut Faults) -> Option<SocketAddr> {
    let node = fields.required(faults, "listen");
    fields.finish(faults);
    let node = node?;
    let Listen::Tcp(address) = values::listen(node, faults, "`admin.listen`")? else {
        faults
            .error(node.span, "bad-value", "`admin.listen` is no unix socket")
            .help("write an IP address and port such as `127.0.0.1:9090`");
        return None;
    };
    let shares = |other: &SocketAddr| {
        let overlap = address.ip() == other.ip() || address.ip().is_unspecified() || other.ip().is_unspecified();
        address.port() != 0 && address.port() == other.port() && overlap
    };
    if taken.iter().any(|listen| matches!(listen, Listen::Tcp(other) if shares(other))) {
        faults
            .error(node.span, "bad-value", format!("`{address}` is where clients connect"))
            .help("choose another port: what is shown here is not for them");
        return None;
    }
    Some(address)
}

impl Log {
    const DEFAULT: Log = Log { level: Level::INFO, format: LogFormat::Text };

    fn read(mut fields: Fields<'_>, faults: &mut Faults) -> Log {
        let levels = [
            ("error", Level::ERROR),
            ("warn", Level::WARN),
            ("info", Level::INFO),
            ("debug", Level::DEBUG),
            ("trace", Level::TRACE),
        ];
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let level = fields.choice(faults, "level", &levels).unwrap_or(Log::DEFAULT.level);
        let format = fields.choice(faults, "format", &formats).unwrap_or(Log::DEFAULT.format);
        fields.finish(faults);
        Log { level, format }
    }
}
