//! Long-running operations as requests see them: started, polled, ended.

use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::{End, Operation};
use crate::arm::routes::Call;
use crate::arm::{Arm, Asked};
use crate::ids::Purpose;

impl Arm {
    /// The operation document, the same for both URLs and with status 200 in each state.
    pub(crate) fn get_operation(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.path.get("operation").to_ascii_lowercase();
        let Some(operation) = self.operations.get_mut(&id) else {
            return Err(Refusal::new(
                404,
                "OperationNotFound",
                format!("The operation '{id}' was not found."),
            ));
        };
        operation.check_query(asked.raw.uri().query().unwrap_or_default())?;
        let over = operation.is_over();
        let answer = if asked.route.call == Call::GetOperation {
            let body = Body::Builder(operation.builder_document());
            Answer::new(200, body)
                .with_some("retry-after", self.switches.retry_after.filter(|_| !over))
        } else if asked.query("monitor").is_some() && !over {
            Answer::new(202, Body::Empty)
                .with_some("retry-after", Some(self.switches.compute_retry_after()))
        } else {
            Answer::new(200, Body::Compute(operation.compute_document())).with_some(
                "retry-after",
                (!over).then_some(self.switches.compute_retry_after()),
            )
        };
        operation.count_poll();
        let (subject, id) = (operation.subject.clone(), operation.id.clone());
        if let Some(work) = self
            .templates
            .get_mut(&subject)
            .and_then(|template| template.work.as_mut())
            && work.operation == id
        {
            work.polls = work.polls.saturating_add(1);
        }
        Ok(answer)
    }

    /// Makes an operation, and the headers that name it: `Azure-AsyncOperation`, and `Location` if asked for.
    pub(crate) fn start_operation(
        &mut self,
        asked: &Asked<'_>,
        subject: &str,
        location: &str,
        with_location: bool,
    ) -> (String, Vec<(&'static str, String)>) {
        let id = self.ids.of(Purpose::Operation, subject).guid();
        let mut operation = Operation::new(id.clone(), subject.to_owned(), asked.now);
        let path = format!(
            "{}/subscriptions/{}/providers/Microsoft.VirtualMachineImages/locations/{location}/operations/{id}",
            self.world.addresses.arm, self.world.subscription
        );
        let version = format!("api-version={}", asked.version);
        let form = self.switches.operation_urls;
        let mut headers = vec![("x-ms-request-id", id.clone())];
        headers.push((
            "azure-asyncoperation",
            operation.url(&path, &version, form, &mut self.ids, asked.now),
        ));
        if with_location {
            headers.push((
                "location",
                operation.url(&path, &version, form, &mut self.ids, asked.now),
            ));
        }
        if let Some(seconds) = self.switches.retry_after {
            headers.push(("retry-after", seconds.to_string()));
        }
        self.operations.insert(id.clone(), operation);
        (id, headers)
    }

    /// A GET has seen the template: its work and the operations upon it move on.
    pub(crate) fn count_poll(&mut self, key: &str) {
        if let Some(work) = self
            .templates
            .get_mut(key)
            .and_then(|template| template.work.as_mut())
        {
            work.polls = work.polls.saturating_add(1);
        }
        for operation in self
            .operations
            .values_mut()
            .filter(|operation| operation.subject == key)
        {
            operation.count_poll();
        }
    }

    /// Ends an operation.
    pub(crate) fn end_operation(&mut self, id: &str, at: OffsetDateTime, end: End) {
        if let Some(operation) = self.operations.get_mut(id) {
            operation.end(at, end);
        }
    }
}
