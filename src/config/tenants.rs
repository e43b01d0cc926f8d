//! `tenants`: whose records a client sees, where an app keeps several customers' records in the same tables. A tenant is a
//! name and the values by which the app knows it; which of them is compared with what, the mapping says.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Config;
use crate::diagnostic::{Diagnostic, Diagnostics, Faults, Severity, did_you_mean};
use crate::yaml::{Key, Node, Value};

/// One of the app's customers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its name in this file.
    pub name: String,
    /// Texts and whole numbers by name: `number: 7`.
    pub values: BTreeMap<String, Json>,
}

impl Tenant {
    /// Reads the values of the tenant of that name.
    pub fn read(tenant: &str, node: &Node, faults: &mut Faults) -> Option<Tenant> {
        let mut values = BTreeMap::new();
        for (name, node) in node.entries(faults, "a tenant")? {
            match (&node.value, node.to_json()) {
                (Value::Text(text), value) if !text.is_empty() && !text.contains('\0') => {
                    values.insert(name.name.clone(), value);
                }
                (_, Json::Number(number)) if number.is_i64() => {
                    values.insert(name.name.clone(), Json::Number(number));
                }
                _ => {
                    let message = format!("`{}` is not what a tenant is known by", faults.written(node.span));
                    faults.error(node.span, "bad-value", message).help("write a text or a whole number");
                }
            }
        }
        Some(Tenant { name: tenant.to_owned(), values })
    }

    /// The value of that name as text.
    #[must_use]
    pub fn printed(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

/// Reads the tenants.
pub(super) fn read(entries: &[(Key, Node)], faults: &mut Faults) -> Vec<Arc<Tenant>> {
    entries.iter().filter_map(|(key, node)| Tenant::read(&key.name, node, faults)).map(Arc::new).collect()
}

/// The tenant that a client names.
pub(super) fn named(node: &Node, tenants: &[Arc<Tenant>], faults: &mut Faults) -> Option<Arc<Tenant>> {
    let name = node.text(faults, "`tenant`")?;
    let found = tenants.iter().find(|tenant| tenant.name == name).cloned();
    if found.is_none() {
        let help = match did_you_mean(name, tenants.iter().map(|tenant| tenant.name.as_str())) {
            Some(near) => format!("write `{near}`"),
            None => "name it under `tenants`: `tenants: { acme: { number: 7 } }`".to_owned(),
        };
        let message = format!("there is no tenant `{}`", faults.written(node.span));
        faults.error(node.span, "bad-value", message).help(help);
    }
    found
}

impl Config {
    /// Compares the clients' tenants with what the mapping asks of one: `needed` are the names of the values that it uses.
    /// A client without a tenant would see everybody, or nobody.
    #[must_use]
    pub fn check_tenants(&self, needed: &[&str]) -> Diagnostics {
        let mut found = Diagnostics::default();
        let mut seen: Vec<(Vec<String>, &Tenant)> = Vec::new();
        let names = needed.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        for client in &self.clients {
            let fault = |code, message: String, help: String| {
                let mut fault = Diagnostic::new(Severity::Error, code, message);
                fault.place = Some(client.place.clone());
                fault.help(help);
                fault
            };
            match (needed, &client.tenant) {
                ([], None) => {}
                ([], Some(_)) => found.push(fault(
                    "no-effect",
                    format!("`{}` has a tenant, and the mapping keeps no tenants apart", client.name),
                    "say in the mapping by which column: `app.sql.tenant: { column, is }`, or name it in the calls: \
                     `{{tenant.NAME}}`; or leave `tenant` out"
                        .to_owned(),
                )),
                ([name, ..], None) => found.push(fault(
                    "missing-key",
                    format!("`{}` has no tenant, and the mapping needs its {names}", client.name),
                    format!("write `tenant: acme` here, and `tenants: {{ acme: {{ {name}: … }} }}`"),
                )),
                (_, Some(tenant)) => {
                    let mut values = Vec::new();
                    for name in needed {
                        match tenant.printed(name) {
                            Some(value) => values.push(value),
                            None => found.push(fault(
                                "missing-key",
                                format!(
                                    "the tenant `{}` of `{}` has no `{name}`, which the mapping needs",
                                    tenant.name, client.name
                                ),
                                format!("write `tenants: {{ {}: {{ {name}: … }} }}`", tenant.name),
                            )),
                        }
                    }
                    match seen.iter().find(|(known, _)| *known == values) {
                        _ if values.len() < needed.len() => {}
                        Some((_, other)) if other.name != tenant.name => found.push(fault(
                            "duplicate-name",
                            format!("the tenants `{}` and `{}` have the same {names}", other.name, tenant.name),
                            "each would see the other's records; let both clients name one tenant if they shall"
                                .to_owned(),
                        )),
                        _ => seen.push((values, tenant)),
                    }
                }
            }
        }
        found
    }
}
