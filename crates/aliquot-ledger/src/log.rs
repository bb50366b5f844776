//! Table `log`: which event log the positions are positions of. Knows nothing of logs but their names.

use crate::database::Statement;
use crate::error::Error;
use crate::ledger::Ledger;

impl Ledger {
    /// Claims the log of this `identity` for the ledger: the first claim is kept, and the same one is granted for ever.
    ///
    /// # Errors
    /// [`Error::OtherLog`] when the ledger's positions are those of another log.
    pub async fn claim_log(&self, identity: &str) -> Result<(), Error> {
        let failed = || Error::sql("claim a log in");
        let mut transaction = self.begin().await?;
        let claimed = Statement::new(self.dialect(), "SELECT identity FROM log");
        let claimed: Option<String> = claimed.optional(&mut transaction).await.map_err(failed())?;
        match claimed {
            Some(claimed) if claimed == identity => Ok(()),
            Some(claimed) => Err(Error::OtherLog { claimed, offered: identity.to_owned() }),
            None => {
                let claim = "INSERT INTO log (only_row, identity) VALUES (1, $1)";
                Statement::new(self.dialect(), claim)
                    .bind(identity)
                    .execute(&mut transaction)
                    .await
                    .map_err(failed())?;
                transaction.commit().await.map_err(failed())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_first_log_is_granted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let ledger = Ledger::open(&path).await.unwrap();
        ledger.claim_log("topic a, 8 partitions").await.unwrap();
        ledger.claim_log("topic a, 8 partitions").await.unwrap();
        let reopened = Ledger::open(&path).await.unwrap();
        let error = reopened.claim_log("topic a, 16 partitions").await.unwrap_err();
        assert!(error.to_string().contains("topic a, 8 partitions") && error.to_string().contains("16"), "{error}");
    }
}
