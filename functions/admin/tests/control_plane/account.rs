use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::Control;

const ROLE: &str = "arn:aws:iam::123456789012:role/logs";

#[tokio::test]
async fn the_account_is_shown_and_changed_as_documented() {
    let control = Control::start().await;
    assert_json_snapshot!(control.get("/account").await.ok(), @r#"
    {
      "apiKeyVersion": "4",
      "features": [
        "UsagePlans"
      ],
      "throttleSettings": {
        "burstLimit": 5000,
        "rateLimit": 10000.0
      }
    }
    "#);
    let operations = [("replace", "/cloudwatchRoleArn", ROLE), ("replace", "/throttle/rateLimit", "20")];
    let changed = control.patch("/account", &operations).await.ok();
    assert_json_snapshot!(changed, @r#"
    {
      "apiKeyVersion": "4",
      "cloudwatchRoleArn": "arn:aws:iam::123456789012:role/logs",
      "features": [
        "UsagePlans"
      ],
      "throttleSettings": {
        "burstLimit": 5000,
        "rateLimit": 20.0
      }
    }
    "#);
    assert_eq!(control.get("/account").await.ok(), changed);
}

#[tokio::test]
async fn a_patch_of_the_account_applies_whole_or_not_at_all() {
    let control = Control::start().await;
    let before = control.get("/account").await.ok();
    let operations = [("replace", "/cloudwatchRoleArn", ROLE), ("remove", "/features", "UsagePlans")];
    let refused = control.patch("/account", &operations).await;
    assert_eq!((refused.status, refused.kind.as_str()), (400, "BadRequestException"));
    assert_eq!(refused.body["message"], "Usage Plans cannot be disabled once enabled");
    assert_eq!(control.get("/account").await.ok(), before);
}

#[tokio::test]
async fn of_two_who_change_the_account_at_once_neither_is_lost() {
    let control = Control::start().await;
    let (role, rate, burst) = tokio::join!(
        control.patch("/account", &[("replace", "/cloudwatchRoleArn", ROLE)]),
        control.patch("/account", &[("replace", "/throttle/rateLimit", "7")]),
        control.patch("/account", &[("replace", "/throttle/burstLimit", "9")]),
    );
    for answer in [role, rate, burst] {
        answer.ok();
    }
    let account = control.get("/account").await.ok();
    assert_eq!(account["cloudwatchRoleArn"], ROLE);
    assert_eq!(account["throttleSettings"], json!({"burstLimit": 9, "rateLimit": 7.0}));
}
