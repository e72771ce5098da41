//! What is set for the account: one item, which is not there until something is.

use keyplan_domain::api::Account;

use crate::item::Item;
use crate::keys;
use crate::race::{Attempt, until_decided};
use crate::transaction::Expect;
use crate::{Store, StoreError};

impl Store {
    /// The account's settings, read consistently.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn account(&self) -> Result<Account, StoreError> {
        account(self.config_item(&keys::account()).await?.as_ref())
    }

    /// The account's settings, for a cache: one read at half the price.
    ///
    /// # Errors
    /// When the table fails.
    pub async fn account_to_cache(&self) -> Result<Account, StoreError> {
        account(self.cacheable_item(&keys::account()).await?.as_ref())
    }

    /// Edits the account's settings. `edit` may be called more than once, when
    /// others write too; what it refuses changes nothing.
    ///
    /// # Errors
    /// When the table fails; nothing has changed then.
    pub async fn edit_account<E>(
        &self,
        mut edit: impl FnMut(&mut Account) -> Result<(), E>,
    ) -> Result<Result<Account, E>, StoreError> {
        until_decided!({
            let (mut account, expect) = match self.config_item(&keys::account()).await? {
                Some(item) => (item.data()?, Expect::Version(item.version()?)),
                None => (Account::default(), Expect::Absent),
            };
            if let Err(refused) = edit(&mut account) {
                return Ok(Attempt::Done(Err(refused)));
            }
            let mut transaction = self.transaction();
            transaction.put(Item::new(&keys::account(), &account)?, expect);
            Attempt::of(transaction.commit().await, Ok(account))
        })
    }
}

/// The settings that an item keeps, if there is one.
fn account(item: Option<&Item>) -> Result<Account, StoreError> {
    match item {
        Some(item) => Ok(Account { version: item.version()?, ..item.data()? }),
        None => Ok(Account::default()),
    }
}
