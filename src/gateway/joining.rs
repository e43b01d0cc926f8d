//! Somebody joins or leaves what is kept in their own record: read, edited and written back while nobody else writes it
//! through this gateway, and looked at again.

use serde_json::Value;

use crate::{
    backend::Session,
    mapping::{Resource, answer::Class, relation::Derived},
    plan::{Fault, joining::Member, read::Needs},
};

use super::{Error, Gateway, left::Left};

impl Gateway {
    /// Whether anything had to be done for it. `groups`: the type of what is joined.
    pub(super) async fn member(
        &self,
        session: &mut Session,
        groups: &Resource,
        member: &Member<'_>,
    ) -> Result<bool, Error> {
        let keeper = &*member.derived.keeper;
        let _order = self.order.of(&keeper.kind.name, &member.id).await;
        let Some(before) = self.who(session, member).await? else {
            // who is not there is no member
            return if member.joins { Err(Error::NoMember) } else { Ok(false) };
        };
        let steps = member.decide(&before)?;
        if steps.is_empty() {
            return Ok(false);
        }
        // who would leave one that is protected stays there
        for left in member.leaves(&before)?.iter().filter(|_| groups.is_guarded()) {
            if self.base(session, groups, left).await?.is_some_and(|group| groups.protects(&group)) {
                return Err(Fault::Protected.into());
            }
        }
        let told = steps.last().and_then(|step| step.record.clone());
        // the steps of one record hold none of another
        let reply = Box::pin(self.steps(session, keeper, &member.id, &steps, Some(before))).await?.reply;
        let told = told.and_then(|at| Some(at.one(&reply?.body)?.clone())).filter(|record| record.is_object());
        // a reply holds nothing of what is fetched besides
        let told = told.filter(|_| !member.derived.is_apart());
        // from here on it has taken effect, whatever becomes of the look at it
        let did = if member.joins { "adding 1 member" } else { "removing 1 member" };
        let done = || Left { done: vec![did.to_owned()], ..Left::default() };
        let after = match told {
            Some(record) => Some(record),
            None => self.who(session, member).await.map_err(|error| error.after(done()))?,
        };
        let after = after.map(|record| member.in_it(&record)).transpose();
        let after = after.map_err(|fault| Error::from(fault).after(done()))?.unwrap_or(false);
        if after == member.joins {
            return Ok(true);
        }
        let detail = Some("the app took the change and does not show it".to_owned());
        let error = Error::App { class: Class::Broken, detail, retry_after: None, status: None };
        Err(Error::Unsure(Box::new(error)))
    }

    /// Their record with the list. Only where that is fetched besides is it more than the record: it is written back as it came.
    async fn who(&self, session: &mut Session, member: &Member<'_>) -> Result<Option<Value>, Error> {
        let Derived { keeper, .. } = member.derived;
        if !member.derived.is_apart() {
            return self.base(session, keeper, &member.id).await;
        }
        let list = member.derived.is_kept();
        Box::pin(self.record(session, keeper, &member.id, &Needs::checking(&list))).await
    }
}
