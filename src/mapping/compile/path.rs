//! Reading paths.

use crate::{diagnostic::Faults, mapping::selector::Selector, yaml::Node};

/// Reads a path.
pub(super) fn selector(node: &Node, faults: &mut Faults) -> Option<Selector> {
    let text = node.text(faults, "a path")?;
    match Selector::compile(text) {
        Ok(selector) => Some(selector),
        Err(message) => {
            faults
                .error(node.span, "bad-path", message)
                .help("a path begins with `$`: `$.login`, `$.data[0].id`, `$['a b']`");
            None
        }
    }
}
