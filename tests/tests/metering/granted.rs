//! `update-usage`, and keys that go from plan to plan, where tokens are leased.

use keyplan_tests::{ApiKey, Call, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

const LIMIT: i64 = 1_000;

struct Leasing<'s> {
    stack: &'s Stack,
    api: RestApi<'s>,
    day: String,
}

impl<'s> Leasing<'s> {
    fn on(stack: &'s Stack) -> Self {
        let mut api = RestApi::create(stack, json!({}));
        api.mock("GET", "/", json!({"apiKeyRequired": true}), "");
        api.deploy("prod", &json!({}));
        let day = stack.advance_to_noon();
        Self { stack, api, day }
    }

    fn plan(&self, name: &str) -> UsagePlan<'s> {
        let settings = json!({"quota": {"limit": LIMIT, "period": "DAY"}, "tags": {"keyplan:leaseCap": "100"}});
        UsagePlan::create(self.stack, name, &[(&self.api.id, "prod")], settings)
    }

    /// How many of so many calls are admitted; the others are refused for the quota.
    fn admitted(&self, key: &ApiKey, calls: usize) -> usize {
        let call = || Call::get(self.api.url("prod", "/")).header("x-api-key", &key.value).send().status;
        let statuses: Vec<u16> = (0..calls).map(|_| call()).collect();
        assert!(statuses.iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
        // Once it refuses it does so until something is granted.
        assert!(statuses.is_sorted(), "{statuses:?}");
        statuses.iter().filter(|status| **status == 200).count()
    }

    /// By the AWS CLI: what it tells of today.
    fn set_remaining(&self, plan: &UsagePlan<'_>, key: &ApiKey, remaining: i64) -> Value {
        let operation = format!("op=replace,path=/remaining,value={remaining}");
        let of = format!("--usage-plan-id {} --key-id {}", plan.id, key.id);
        let told = self.stack.aws(&format!("apigateway update-usage {of} --patch-operations {operation}"));
        told["items"][&key.id][0].clone()
    }

    /// What the AWS CLI tells of the key's use of a plan today.
    fn usage(&self, plan: &UsagePlan<'_>, key: &ApiKey) -> Value {
        let days = format!("--start-date {0} --end-date {0}", self.day);
        let of = format!("--usage-plan-id {} --key-id {}", plan.id, key.id);
        self.stack.aws(&format!("apigateway get-usage {of} {days}"))["items"][&key.id][0].clone()
    }
}

#[test]
fn what_is_granted_or_taken_acts_on_the_next_request_of_a_key_that_is_leased() {
    let stack = Stack::start();
    let leasing = Leasing::on(&stack);
    let plan = leasing.plan("plan");
    let key = plan.key("caller");
    assert_eq!(leasing.admitted(&key, 60), 60);
    // Counted with what is leased and not used.
    let used = leasing.usage(&plan, &key)[0].as_i64().unwrap();
    assert!(used >= 60, "{used}");

    assert_eq!(leasing.set_remaining(&plan, &key, 0), json!([used, 0]));
    assert_eq!(leasing.admitted(&key, 3), 0);
    assert_eq!(leasing.set_remaining(&plan, &key, 5), json!([used, 5]));
    assert_eq!(leasing.admitted(&key, 8), 5);
    assert_eq!(leasing.usage(&plan, &key), json!([used + 5, 0]));
    // More than the quota ever was.
    assert_eq!(leasing.set_remaining(&plan, &key, 3 * LIMIT), json!([used + 5, 3 * LIMIT]));
    assert_eq!(leasing.admitted(&key, 50), 50);
}

#[test]
fn a_key_that_goes_to_another_plan_begins_there_and_leaves_its_use_to_be_read() {
    let stack = Stack::start();
    let leasing = Leasing::on(&stack);
    let (old, new) = (leasing.plan("old"), leasing.plan("new"));
    let key = old.key("caller");
    assert_eq!(leasing.admitted(&key, 30), 30);
    let used = leasing.usage(&old, &key);
    assert!(used[0].as_i64().is_some_and(|count| count >= 30), "{used}");
    let go = |from: &UsagePlan<'_>, to: &UsagePlan<'_>| {
        stack.aws(&format!("apigateway delete-usage-plan-key --usage-plan-id {} --key-id {}", from.id, key.id));
        to.add(&key);
    };

    go(&old, &new);
    assert_eq!(leasing.usage(&old, &key), used);
    assert_eq!(leasing.usage(&new, &key), json!([0, LIMIT]));
    assert_eq!(leasing.admitted(&key, 1), 1);
    assert_eq!(leasing.usage(&new, &key), json!([1, LIMIT - 1]));
    assert_eq!(leasing.usage(&old, &key), used);
    // Of a key that has used nothing of a plan there is nothing to read.
    let stranger = new.key("stranger");
    let days = format!("--start-date {0} --end-date {0}", leasing.day);
    let of = format!("--usage-plan-id {} --key-id {}", old.id, stranger.id);
    let refused = stack.try_aws(&format!("apigateway get-usage {of} {days}")).unwrap_err();
    assert!(refused.message.contains("NotFoundException"), "{}", refused.message);

    // And back: it goes on with what is left there.
    go(&new, &old);
    assert_eq!(leasing.usage(&old, &key), used);
    assert_eq!(leasing.set_remaining(&old, &key, 2)[1], 2);
    assert_eq!(leasing.admitted(&key, 4), 2);
}
