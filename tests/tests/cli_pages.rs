//! The AWS CLI's paginators, as a script uses them: `--page-size` shows
//! everything once, and `--max-items` goes on from `--starting-token` without a
//! gap or a repetition.

use keyplan_tests::{ApiKey, RestApi, Stack, UsagePlan};
use serde_json::{Value, json};

const COUNT: usize = 4;

/// A list of the AWS CLI's, which `path` lists unpaged. Its items are told apart
/// by a member.
struct List<'s> {
    stack: &'s Stack,
    command: String,
    path: String,
    member: &'static str,
}

impl List<'_> {
    fn check(&self) {
        let unpaged = self.stack.made("GET", &format!("{}?limit=500", self.path), &Value::Null);
        let whole = self.names(&unpaged["item"]);
        let mut distinct = whole.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() == whole.len() && whole.len() >= COUNT, "{}: {whole:?}", self.command);

        let paged = self.run("--page-size 2");
        assert_eq!(self.names(&paged["items"]), whole, "{}", self.command);
        assert_eq!(paged["NextToken"], Value::Null);
        // What is asked for ends within a page; that it may end with one, and any
        // other sizes, is seen by `checks/conformance`, without a process a call.
        let (mut found, mut from) = (Vec::new(), String::new());
        loop {
            let part = self.run(&format!("--page-size 3 --max-items 2 {from}"));
            found.extend(self.names(&part["items"]));
            let Some(token) = part["NextToken"].as_str() else { break };
            assert!(found.len() < whole.len(), "{}: {found:?} and no end", self.command);
            from = format!("--starting-token {token}");
        }
        assert_eq!(found, whole, "{}", self.command);
    }

    fn run(&self, options: &str) -> Value {
        self.stack.aws(&format!("apigateway {} {options}", self.command))
    }

    fn names(&self, items: &Value) -> Vec<String> {
        let items = items.as_array().into_iter().flatten();
        items.map(|item| item[self.member].as_str().unwrap_or_default().to_owned()).collect()
    }
}

#[test]
fn the_clis_paginators_find_every_key_and_plan_once() {
    let stack = Stack::start();
    let today = stack.advance_to_noon();
    let plans: Vec<_> = (0..COUNT).map(|_| UsagePlan::create(&stack, "plan", &[], json!({}))).collect();
    let mut keys: Vec<ApiKey> = (0..COUNT).map(|number| plans[0].key(&format!("key {number}"))).collect();
    let plan = &plans[0].id;
    let list =
        |command: &str, path: &str, member| List { stack: &stack, command: command.into(), path: path.into(), member };
    list("get-api-keys", "/apikeys", "id").check();
    list("get-usage-plans", "/usageplans", "id").check();
    let of_plan = format!("get-usage-plan-keys --usage-plan-id {plan}");
    list(&of_plan, &format!("/usageplans/{plan}/keys"), "value").check();

    // Of what is a map, as usage is, the CLI keeps its first page and drops the
    // others, whoever answers it, so that it must be asked page by page.
    let usage = format!("apigateway get-usage --usage-plan-id {plan} --start-date {today} --end-date {today}");
    let (mut found, mut from) = (Vec::new(), String::new());
    loop {
        let part = stack.aws(&format!("{usage} --no-paginate --limit 2 {from}"));
        found.extend(part["items"].as_object().into_iter().flatten().map(|(key, _)| key.clone()));
        let Some(position) = part["position"].as_str() else { break };
        assert!(found.len() < COUNT, "{found:?} and no end");
        from = format!("--position {position}");
    }
    found.sort_unstable();
    keys.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>());
    let whole = stack.aws(&usage);
    assert_eq!(whole["items"].as_object().map(|keys| keys.len()), Some(COUNT), "{whole}");
}

#[test]
fn the_clis_paginators_find_everything_of_an_api_once() {
    let stack = Stack::start();
    let mut api = RestApi::create(&stack, json!({}));
    api.mock("GET", "/", json!({}), "");
    let at = format!("/restapis/{}", api.id);
    for number in 0..COUNT {
        stack.made("POST", "/restapis", &json!({"name": "other"}));
        api.resource(&format!("/r{number}"));
        api.authorizer(&format!("a{number}"), "good", json!({}));
        let model = json!({"name": format!("Model{number}"), "contentType": "application/json", "schema": "{}"});
        stack.made("POST", &format!("{at}/models"), &model);
        stack.made("POST", &format!("{at}/requestvalidators"), &json!({"name": "v"}));
        stack.made("POST", &format!("{at}/deployments"), &json!({}));
    }
    List { stack: &stack, command: "get-rest-apis".into(), path: "/restapis".into(), member: "id" }.check();
    for (what, path, member) in [
        ("resources", "resources", "path"),
        ("authorizers", "authorizers", "id"),
        ("models", "models", "name"),
        ("request-validators", "requestvalidators", "id"),
        ("deployments", "deployments", "id"),
    ] {
        let command = format!("get-{what} --rest-api-id {}", api.id);
        List { stack: &stack, command, path: format!("{at}/{path}"), member }.check();
    }
    // All 21 come at once, whatever was asked for: what is too much the CLI cuts off.
    let command = format!("apigateway get-gateway-responses --rest-api-id {} --page-size 5", api.id);
    let (mut found, mut from) = (Vec::new(), String::new());
    while found.len() < 22 {
        let part = stack.aws(&format!("{command} --max-items 11 {from}"));
        let items = part["items"].as_array().into_iter().flatten();
        found.extend(items.map(|item| item["responseType"].to_string()));
        let Some(token) = part["NextToken"].as_str() else { break };
        from = format!("--starting-token {token}");
    }
    assert_eq!(found.len(), 21);
    assert!(found.is_sorted_by(|one, other| one < other), "{found:?}");
}
