//! The version of a resource: a digest of all that this gateway offers of it, but for the lists of other resources. An
//! HTTP app or an old database has no version of its own that could be relied on, and every app has its values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{Resource, translate},
    plan::read::{Needs, Shown, View},
    scim::{
        resource,
        version::{Preconditions, Verdict, told, version},
    },
};

use super::{Error, Gateway};

impl Gateway {
    /// A record as a resource, with its version where the record holds all that it is made of.
    pub(super) fn resource(&self, view: &View<'_>, record: Cow<'_, Value>) -> Result<Map<String, Value>, Error> {
        // before the record is used up
        let told = view.resource.version().filter(|_| view.version).map(|column| told_by(column, &record));
        let mut made = translate::resource(view.resource, &view.lines, record, &self.base)?;
        if view.version
            && let Some(version) = told.unwrap_or_else(|| Some(version_of(view.resource, &made)))
            && let Some(Value::Object(meta)) = made.get_mut("meta")
        {
            meta.insert("version".to_owned(), Value::String(version));
        }
        Ok(made)
    }

    /// Refuses a write whose preconditions the resource as it is now does not meet. Reads the record, unless it was read,
    /// and only if there are any.
    pub(super) async fn meets(
        &self,
        session: &mut Session,
        resource: &Resource,
        id: &str,
        preconditions: &Preconditions,
        read: Option<&Map<String, Value>>,
    ) -> Result<(), Error> {
        if preconditions.is_empty() {
            return Ok(());
        }
        let now = match read {
            Some(read) => version_in(read).map(str::to_owned),
            None => {
                let needs = Needs { shown: Shown::Versioned(None), ..Needs::NOTHING };
                let record = self.record(session, resource, id, &needs).await?.ok_or_else(Error::absent)?;
                version_in(&self.resource(&View::new(resource, &needs), Cow::Owned(record))?).map(str::to_owned)
            }
        };
        match preconditions.judge(now.as_deref()) {
            Verdict::Go => Ok(()),
            Verdict::Changed | Verdict::Same => Err(Error::OtherVersion),
        }
    }
}

/// The version that a resource shows, if it does.
pub(super) fn version_in(resource: &Map<String, Value>) -> Option<&str> {
    resource.get("meta")?.get("version")?.as_str()
}

/// By the app's own column.
fn told_by(column: &str, record: &Value) -> Option<String> {
    record.get(column).filter(|value| !value.is_null()).map(told)
}

/// By the values.
fn version_of(kind: &Resource, made: &Map<String, Value>) -> String {
    let name = Value::from(kind.kind.name.as_str());
    let lines = kind.lines.iter().filter(|line| line.counts());
    let values = lines.filter_map(|line| Some((line.target.to_string(), resource::get(made, &line.target)?)));
    let id = made.get("id").map(|id| ("id".to_owned(), id));
    version(values.chain(id).chain([("meta.resourceType".to_owned(), &name)]))
}
