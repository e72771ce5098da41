use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What can go wrong with the tables.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Others kept changing the same thing; the caller may try again.
    #[error("others keep changing the same item")]
    Conflict,
    /// A page's position is not one that a page gave.
    #[error("the position is not one that a page gave")]
    InvalidPosition,
    /// DynamoDB did not carry out a request.
    #[error("DynamoDB failed to {operation}: {detail}")]
    Unavailable {
        /// What was asked of it.
        operation: &'static str,
        /// What it answered, without any item.
        detail: String,
    },
    /// DynamoDB turned a request away since the item or the table gets too many;
    /// nothing has changed.
    #[error("DynamoDB throttles {operation}")]
    Throttled {
        /// What was asked of it.
        operation: &'static str,
    },
    /// What was to be written is larger than an item, or a transaction, may be;
    /// nothing has changed.
    #[error("it is larger than DynamoDB keeps")]
    TooLarge,
    /// DynamoDB was not asked, since it is known to fail.
    #[error("DynamoDB is out and was not asked")]
    Outage,
    /// An item is not as this version writes it.
    #[error("an item {what} cannot be read: {detail}")]
    Corrupt {
        /// Which kind of item.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        if error.code() == Some("ValidationException") && error.message().is_some_and(is_about_size) {
            return Self::TooLarge;
        }
        // Not `DisplayErrorContext`, which shows the whole response: an answer
        // that breaks off can hold an item, and an item a key's value.
        let mut detail = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            detail.push_str(": ");
            detail.push_str(&error.to_string());
            cause = error.source();
        }
        Self::Unavailable { operation, detail }
    }

    pub(crate) fn unbuildable(operation: &'static str, error: &dyn Error) -> Self {
        Self::Unavailable { operation, detail: error.to_string() }
    }
}

/// Whether DynamoDB refuses something for its size. There is no code for that:
/// "Item size has exceeded the maximum allowed size", "Size of hashkey has exceeded
/// the maximum size limit of2048 bytes", "Aggregated size of all range keys has
/// exceeded the size limit of 1024 bytes".
pub(crate) fn is_about_size(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("size") && message.contains("exceed")
}

/// Why an edit was not made; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError<E> {
    /// There is no such thing.
    #[error("no such item")]
    NotFound,
    /// The edit itself refused.
    #[error("the edit was refused")]
    Rejected(E),
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
