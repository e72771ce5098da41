//! The protocol of a key's meter, explored exhaustively for small sizes: every
//! interleaving of processes that write, lease, settle, lose answers, write
//! again and crash, while time passes, days turn, plans change and operators
//! grant.
//!
//! The decisions are those of the very code that serves requests: [`LeasedKey`],
//! [`form`](crate::admission::write::form), and for the table the meaning of a
//! form, [`Spending`](crate::admission::write::Spending). What is rebuilt here is
//! the loop around them, which the store has with input and output: [`process`].
//! What can happen is in [`world`]. What must hold is in [`ledger`], in terms of
//! its own: it counts admissions and debits and knows nothing of TATs.
//!
//! `KEYPLAN_MODEL_DEPTH=2` adds two requests to every scenario; the default is 0.

mod ledger;
mod process;
mod scenario;
mod search;
mod table;
mod tests;
mod world;
