//! The three kinds of files that people write, told apart by their first keys: who hands a command one for another hears
//! which it is, and not what it lacks to be the other.

use crate::diagnostic::{Faults, Source};
use crate::yaml::{self, Node, Value};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `portolan.yaml`.
    Configuration,
    /// How an app keeps its people and groups.
    Mapping,
    /// Conversations beside a mapping.
    Conversations,
}

impl FileKind {
    /// What the text of a file is; none where it does not say so, or is no YAML.
    #[must_use]
    pub fn of(source: &Source) -> Option<Self> {
        yaml::parse(&mut Faults::new(source.clone())).as_ref().and_then(Self::of_tree)
    }

    fn of_tree(root: &Node) -> Option<Self> {
        let has = |key: &str| root.get(key).is_some();
        // A configuration names its mapping; a mapping says which version of the language it is.
        let names_mapping = || root.get("mapping").is_some_and(|node| matches!(node.value, Value::Text(_)));
        match &root.value {
            Value::List(items) => items.first()?.get("request").map(|_| Self::Conversations),
            Value::Map(_) if has("conversations") => Some(Self::Conversations),
            Value::Map(_) if has("clients") || has("listen") => Some(Self::Configuration),
            Value::Map(_) if has("app") || has("resources") => Some(Self::Mapping),
            Value::Map(_) if names_mapping() => Some(Self::Configuration),
            _ => None,
        }
    }

    /// Whether this tree may be of the kind; one that is of another is reported.
    pub fn is_read_from(self, root: &Node, faults: &mut Faults) -> bool {
        let Some(found) = Self::of_tree(root).filter(|found| *found != self) else { return true };
        let help = match found {
            Self::Configuration => match root.get("mapping").and_then(Node::as_text) {
                Some(mapping) => {
                    format!("run `portolan serve` or `portolan check` with it; its mapping is `{mapping}`")
                }
                None => "run `portolan serve` or `portolan check` with it".to_owned(),
            },
            Self::Mapping => "run `portolan check`, `portolan explain` or `portolan test` with it; `portolan serve` \
                              takes the configuration that names it"
                .to_owned(),
            Self::Conversations => "run `portolan test` with it, or with the mapping beside it".to_owned(),
        };
        faults
            .error(root.span, "wrong-file", format!("this is {}, and {} is read here", found.name(), self.name()))
            .help(help);
        false
    }

    fn name(self) -> &'static str {
        match self {
            Self::Configuration => "a configuration",
            Self::Mapping => "a mapping",
            Self::Conversations => "a file of conversations",
        }
    }
}
