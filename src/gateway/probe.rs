//! Making a record, and looking whether it was made where the answer to that was lost (`repeat: probe`).

use serde_json::{Map, Value};

use crate::{
    backend::Session,
    mapping::{Resource, answer::Class, line::Line},
    plan::{
        Context, Fault,
        create::{self, Made},
    },
    scim::resource,
};

use super::{Error, Gateway, left::Left, order::Turn, steps::Done};

impl Gateway {
    /// Makes a record by the steps of its plan.
    pub(super) async fn made(&self, session: &mut Session, plan: &create::Create<'_>) -> Result<(Made, Done), Error> {
        let did = self.steps(session, plan.resource, "", &plan.first, None).await?;
        let reply = did.reply.as_ref().ok_or_else(|| Fault::Unmade("a create has no call".to_owned()))?;
        let left = || Left { done: plan.done(), ..Left::default() };
        let made = plan.made(reply, &did.kept).map_err(|fault| Error::from(fault).after(left()))?;
        Ok((made, did))
    }

    /// Waits until no other create of this process looks for the same name: who is found after a lost answer would be theirs.
    pub(super) async fn naming(&self, plan: &create::Create<'_>, sent: &Map<String, Value>) -> Option<Turn> {
        let line = plan.resource.naming().filter(|_| plan.probes())?;
        let name = resource::get(sent, &line.target)?.as_str()?.to_lowercase();
        Some(self.order.of(&format!("{} by name", plan.resource.kind.name), &name).await)
    }

    /// Makes a record by a call that is probed: nobody has its name before, so who has it after a lost answer was made. Where
    /// nobody has, it is sent once more if the app itself refuses a second one: it may only have been slow.
    pub(super) async fn probed(
        &self,
        session: &mut Session,
        plan: &create::Create<'_>,
        sent: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<(Made, Done), Error> {
        let kind = plan.resource;
        if !self.of_its_name(session, kind, sent, context).await?.is_empty() {
            let detail = Some(format!("another {} has this name already", kind.kind.name));
            return Err(Error::App { class: Class::Exists, detail, retry_after: None, status: None });
        }
        self.affords(session, plan.calls())?;
        // who was sent without a name cannot be looked for
        let named = |line: &Line| resource::get(sent, &line.target).is_some_and(Value::is_string);
        let again = usize::from(kind.naming().is_some_and(|line| !line.checked && named(line)));
        for left in (0..=again).rev() {
            match self.made(session, plan).await {
                // the app refuses the second one: the first was only slow
                Err(error) if error.is_unsure() || (left < again && error.says_exists()) => {
                    match self.of_its_name(session, kind, sent, context).await.as_deref() {
                        Ok([id]) => return Ok((Made { id: id.clone(), record: None, found: true }, Done::default())),
                        Ok([]) if left > 0 => tracing::debug!("nobody was made; sent again"),
                        _ => return Err(unsure(error, left < again)),
                    }
                }
                outcome => return outcome.map_err(|error| unsure(error, left < again)),
            }
        }
        Err(Error::absent())
    }

    /// Who has the name of what is to be made.
    async fn of_its_name(
        &self,
        session: &mut Session,
        kind: &Resource,
        sent: &Map<String, Value>,
        context: &Context<'_>,
    ) -> Result<Vec<String>, Error> {
        let named = kind.naming().and_then(|line| Some((line, resource::get(sent, &line.target)?.as_str()?)));
        match named {
            Some((line, name)) => self.who_has(session, kind, line, name, false, context).await,
            None => Ok(Vec::new()),
        }
    }
}

/// An error of a try, the one before which may act yet, whatever became of this one.
fn unsure(error: Error, before: bool) -> Error {
    match error {
        // it was made, and says so
        Error::After(..) => error,
        _ if before && !error.is_unsure() => Error::Unsure(Box::new(error)),
        _ => error,
    }
}
