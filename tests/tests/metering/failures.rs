//! What becomes of a call whose write to the meter fails.

use keyplan_tests::dynamodb_proxy::{Fault, Rule};
use keyplan_tests::{Answer, ApiKey, Fleet, UsagePlan};
use serde_json::json;

struct Metered<'f> {
    fleet: &'f Fleet,
    plan: UsagePlan<'f>,
    key: ApiKey,
    day: String,
}

impl<'f> Metered<'f> {
    fn of(fleet: &'f Fleet) -> Self {
        let limits = json!({"quota": {"limit": 1_000, "period": "DAY"}});
        let plan = UsagePlan::create(&fleet.admin, "plan", &[(&fleet.api, "prod")], limits);
        let key = plan.key("caller");
        let day = fleet.today();
        Self { fleet, plan, key, day }
    }

    /// A call while the next writes to the meter fail so, by their places from 1.
    fn call(&self, faults: &[(Fault, &[u64])]) -> Answer {
        let rules = faults.iter().map(|(fault, places)| Rule::of_meter_writes(*fault).at(places)).collect();
        self.fleet.proxy.inject(0, rules);
        let answer = self.fleet.call(0, &self.key.value).send();
        self.fleet.proxy.behave();
        answer
    }

    fn used(&self) -> i64 {
        self.plan.used(&self.day).get(&self.key.id).copied().unwrap_or_default()
    }
}

#[test]
fn what_changed_nothing_is_tried_again_or_told_and_what_may_have_is_tried_once_more() {
    let fleet = Fleet::start(1);
    let metered = Metered::of(&fleet);
    let mut used = 0;
    for (what, faults, status, debited) in [
        ("none", &[][..], 200, 1),
        ("a transaction holds the item", &[(Fault::TransactionConflict, &[1, 2][..])], 200, 1),
        ("DynamoDB throttles", &[(Fault::Throttled, &[1][..])], 429, 0),
        ("DynamoDB fails once", &[(Fault::InternalServerError, &[1][..])], 200, 1),
        ("DynamoDB fails twice", &[(Fault::InternalServerError, &[1, 2][..])], 500, 0),
        ("the answer is lost", &[(Fault::AnswerLost, &[1][..])], 200, 2),
        ("both answers are lost", &[(Fault::AnswerLost, &[1, 2][..])], 500, 2),
        ("the request is lost", &[(Fault::NotForwarded, &[1][..])], 200, 1),
    ] {
        let answer = metered.call(faults);
        used += debited;
        assert_eq!((answer.status, metered.used()), (status, used), "{what}");
    }
    let throttled = metered.call(&[(Fault::Throttled, &[1])]);
    assert_eq!(throttled.body, "{\"message\":\"Too Many Requests\"}");
    assert_eq!(throttled.headers["retry-after"], "1");
}
