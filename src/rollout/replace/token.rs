//! The registration token: announced for masking before anything else, sent as a secure parameter, and kept nowhere.

use time::Duration;

use crate::rollout::event::Event as Of;
use crate::rollout::{Job, NotRolledOut, Refused};
use crate::secret::Secret;

/// A token that ends sooner is renewed: the last host registers long after the first request.
const SHORTEST: Duration = Duration::hours(2);
/// For so long a new one is valid.
const NEW: Duration = Duration::hours(4);

impl Job<'_> {
    /// A token of the pool that is valid for two hours at least.
    pub(super) async fn token(&self) -> Result<Secret, NotRolledOut> {
        let pool = &self.request.pool;
        if let Some(token) = self.lasting_token().await? {
            return Ok(token);
        }
        self.emit(Of::Changed);
        match self.arm.renew_registration(pool, self.now() + NEW).await {
            Ok(()) => {}
            // The look tells what became of it.
            Err(failure) if failure.may_have_acted() => {
                if self.lasting_token().await?.is_none() {
                    self.arm.renew_registration(pool, self.now() + NEW).await?;
                }
            }
            Err(failure) => return Err(failure.into()),
        }
        self.lasting_token().await?.ok_or_else(|| {
            let text = format!(
                "Making a registration token for host pool '{}' failed: Azure shows none that is valid for two hours",
                pool.name()
            );
            let hint = "run the step again; nothing was deployed by this request".to_owned();
            Refused::new(super::NOT_DEPLOYED, text, Some(hint)).into()
        })
    }

    async fn lasting_token(&self) -> Result<Option<Secret>, NotRolledOut> {
        let found = self.arm.registration(&self.request.pool).await?;
        let enough = self.now() + SHORTEST;
        let lasts =
            |until: Option<time::OffsetDateTime>| until.is_some_and(|until| until >= enough);
        Ok(found.filter(|it| lasts(it.until)).map(|it| it.token))
    }
}
