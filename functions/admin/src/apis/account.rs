use keyplan_wire::account::AccountAnswer;

use crate::answer::{Outcome, ok};

pub(super) async fn get() -> Outcome {
    ok(&AccountAnswer::default())
}
