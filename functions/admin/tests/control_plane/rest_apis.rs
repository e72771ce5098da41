use http::StatusCode;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{Control, text};

const LAMBDA_URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

/// An API: its path and its root resource's.
async fn api(control: &Control) -> (String, String) {
    let api = control.post("/restapis", json!({"name": "a"})).await.created();
    let path = format!("/restapis/{}", text(&api, "id"));
    let root = format!("{path}/resources/{}", text(&api, "rootResourceId"));
    (path, root)
}

/// The same with `GET /`, deployed to `prod`: its path and the deployment's id.
async fn deployed(control: &Control) -> (String, String) {
    let (api, root) = api(control).await;
    let method = format!("{root}/methods/GET");
    control.put(&method, json!({"authorizationType": "NONE", "apiKeyRequired": true})).await.created();
    control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
    let deployment = control.post(&format!("{api}/deployments"), json!({"stageName": "prod"})).await.created();
    (api, text(&deployment, "id"))
}

#[tokio::test]
async fn an_api_is_made_shown_changed_and_deleted_as_recorded() {
    let control = Control::start().await;
    let made = control.post("/restapis", json!({"name": "a"})).await.created();
    assert_json_snapshot!(made, {".id" => "[id]", ".rootResourceId" => "[root]"}, @r#"
    {
      "apiKeySource": "HEADER",
      "createdDate": 1795435200,
      "disableExecuteApiEndpoint": false,
      "endpointConfiguration": {
        "ipAddressType": "ipv4",
        "types": [
          "EDGE"
        ]
      },
      "id": "[id]",
      "name": "a",
      "rootResourceId": "[root]"
    }
    "#);
    let id = text(&made, "id");
    let path = format!("/restapis/{id}");
    // With the trailing slash of the guide's raw request.
    let changed = control.patch(&format!("{path}/"), &[("replace", "/apiKeySource", "AUTHORIZER")]).await.ok();
    assert_eq!((&changed["apiKeySource"], &changed["tags"]), (&json!("AUTHORIZER"), &json!({})));
    assert_eq!(control.get(&path).await.ok(), changed);
    assert_eq!(control.get("/restapis").await.ok()["item"][0]["id"], json!(id));

    control.delete(&path).await.expect(StatusCode::ACCEPTED);
    let unknown = format!("404 NotFoundException: Invalid API identifier specified 000000000000:{id}");
    for answer in [
        control.get(&path).await,
        control.patch(&path, &[]).await,
        control.delete(&path).await,
        control.get(&format!("{path}/resources")).await,
        control.get(&format!("{path}/authorizers")).await,
        control.get(&format!("{path}/deployments")).await,
        control.get(&format!("{path}/stages")).await,
        control.post(&format!("{path}/deployments"), json!({})).await,
    ] {
        assert_eq!(answer.error(), unknown);
    }
    for answer in [
        control.get(&format!("{path}/resources/x")).await,
        control.post(&format!("{path}/resources/x"), json!({"pathPart": "p"})).await,
        control.get(&format!("{path}/resources/x/methods/GET")).await,
    ] {
        assert_eq!(answer.error(), "404 NotFoundException: Invalid Resource identifier specified");
    }
}

#[tokio::test]
async fn resources_are_listed_by_path_with_their_methods() {
    let control = Control::start().await;
    let (api, root) = api(&control).await;
    let pets = control.post(&root, json!({"pathPart": "pets"})).await.created();
    assert_eq!((&pets["path"], &pets["pathPart"]), (&json!("/pets"), &json!("pets")));
    let pets = format!("{api}/resources/{}", text(&pets, "id"));
    control.post(&root, json!({"pathPart": "cats"})).await.created();
    control.put(&format!("{pets}/methods/GET"), json!({"authorizationType": "NONE"})).await.created();

    let paths = |answer: &Value| -> Vec<String> {
        answer["item"].as_array().unwrap().iter().map(|resource| text(resource, "path")).collect()
    };
    let listed = control.get(&format!("{api}/resources")).await.ok();
    assert_eq!(paths(&listed), ["/", "/cats", "/pets"]);
    assert_eq!(listed["item"][2]["resourceMethods"], json!({"GET": {}}));
    let embedded = control.get(&format!("{pets}?embed=methods")).await.ok();
    assert_eq!(
        embedded["resourceMethods"],
        json!({"GET": {"apiKeyRequired": false, "authorizationType": "NONE", "httpMethod": "GET"}})
    );
    let first = control.get(&format!("{api}/resources?limit=2")).await.ok();
    let rest = control.get(&format!("{api}/resources?position={}", text(&first, "position"))).await.ok();
    assert_eq!((paths(&first), paths(&rest)), (vec!["/".to_owned(), "/cats".to_owned()], vec!["/pets".to_owned()]));

    control.delete(&pets).await.expect(StatusCode::ACCEPTED);
    assert_eq!(paths(&control.get(&format!("{api}/resources")).await.ok()), ["/", "/cats"]);
}

#[tokio::test]
async fn a_method_is_put_together_and_shown_whole() {
    let control = Control::start().await;
    let (_, root) = api(&control).await;
    let method = format!("{root}/methods/GET");
    let integration = format!("{method}/integration");
    control.put(&method, json!({"authorizationType": "NONE"})).await.created();
    assert_eq!(
        control.get(&integration).await.error(),
        "404 NotFoundException: Invalid Integration identifier specified"
    );
    let response = control.put(&format!("{method}/responses/200"), json!({})).await.created();
    assert_eq!(response, json!({"statusCode": "200"}));
    let templates = json!({"application/json": "{\"statusCode\": 200}"});
    control.put(&integration, json!({"type": "MOCK", "requestTemplates": templates})).await.created();
    let templates = json!({"responseTemplates": {"application/json": ""}});
    let answer = control.put(&format!("{integration}/responses/200"), templates).await.created();
    assert_eq!(answer, json!({"statusCode": "200", "responseTemplates": {"application/json": null}}));

    assert_json_snapshot!(
        control.get(&method).await.ok(), {".methodIntegration.cacheNamespace" => "[resource]"}, @r#"
    {
      "apiKeyRequired": false,
      "authorizationType": "NONE",
      "httpMethod": "GET",
      "methodIntegration": {
        "cacheKeyParameters": [],
        "cacheNamespace": "[resource]",
        "integrationResponses": {
          "200": {
            "responseTemplates": {
              "application/json": null
            },
            "statusCode": "200"
          }
        },
        "passthroughBehavior": "WHEN_NO_MATCH",
        "requestTemplates": {
          "application/json": "{\"statusCode\": 200}"
        },
        "timeoutInMillis": 29000,
        "type": "MOCK"
      },
      "methodResponses": {
        "200": {
          "statusCode": "200"
        }
      }
    }
    "#);

    let parameter = [("add", "/responseParameters/method.response.header.x", "true")];
    control.patch(&format!("{method}/responses/200"), &parameter).await.created();
    control.patch(&integration, &[("replace", "/timeoutInMillis", "100")]).await.ok();
    control.patch(&method, &[("replace", "/apiKeyRequired", "true")]).await.ok();
    for path in
        [format!("{integration}/responses/200"), integration.clone(), format!("{method}/responses/200"), method.clone()]
    {
        control.delete(&path).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(control.delete(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_deployment_is_a_snapshot_and_stays_while_a_stage_points_at_it() {
    let control = Control::start().await;
    let (path, root) = api(&control).await;
    let deployments = format!("{path}/deployments");
    assert_eq!(
        control.post(&deployments, json!({})).await.error(),
        "400 BadRequestException: The REST API doesn't contain any methods"
    );
    control.put(&format!("{root}/methods/GET"), json!({"authorizationType": "NONE"})).await.created();
    assert_eq!(
        control.post(&deployments, json!({})).await.error(),
        "400 BadRequestException: No integration defined for method"
    );
    control.put(&format!("{root}/methods/GET/integration"), json!({"type": "MOCK"})).await.created();
    let made = control.post(&deployments, json!({"stageName": "prod", "description": "d"})).await.created();
    assert_json_snapshot!(made, {".id" => "[id]"}, @r#"
    {
      "createdDate": 1795435200,
      "description": "d",
      "id": "[id]"
    }
    "#);
    let deployment = format!("{deployments}/{}", text(&made, "id"));

    control.patch(&format!("{root}/methods/GET"), &[("replace", "/apiKeyRequired", "true")]).await.ok();
    let summary = control.get(&format!("{deployment}?embed=apisummary")).await.ok();
    assert_eq!(summary["apiSummary"], json!({"/": {"GET": {"apiKeyRequired": false, "authorizationType": "NONE"}}}));
    control.patch(&deployment, &[("replace", "/description", "new")]).await.ok();
    assert_eq!(control.get(&deployments).await.ok()["item"][0]["description"], "new");

    assert_eq!(
        control.delete(&deployment).await.error(),
        "400 BadRequestException: Active stages pointing to this deployment must be moved or deleted"
    );
    control.delete(&format!("{path}/stages/prod")).await.expect(StatusCode::ACCEPTED);
    control.delete(&deployment).await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        control.get(&deployment).await.error(),
        "404 NotFoundException: Invalid Deployment identifier specified"
    );
}

#[tokio::test]
async fn a_stage_is_made_shown_changed_and_deleted() {
    let control = Control::start().await;
    let (api, deployment) = deployed(&control).await;
    let stages = format!("{api}/stages");
    let body = json!({"stageName": "dev", "deploymentId": deployment});
    let made = control.post(&stages, body.clone()).await.created();
    assert_json_snapshot!(made, {".deploymentId" => "[deployment]"}, @r#"
    {
      "cacheClusterEnabled": false,
      "cacheClusterStatus": "NOT_AVAILABLE",
      "createdDate": 1795435200,
      "deploymentId": "[deployment]",
      "lastUpdatedDate": 1795435200,
      "methodSettings": {},
      "stageName": "dev",
      "tracingEnabled": false
    }
    "#);
    assert_eq!(control.post(&stages, body).await.error(), "409 ConflictException: Stage already exists");
    let nowhere = "400 BadRequestException: Deployment id does not exist";
    assert_eq!(control.post(&stages, json!({"stageName": "x", "deploymentId": "none"})).await.error(), nowhere);

    let stage = format!("{stages}/dev");
    assert_eq!(control.patch(&stage, &[("replace", "/deploymentId", "none")]).await.error(), nowhere);
    let operations = [("replace", "/*/*/throttling/rateLimit", "5"), ("replace", "/variables/v", "1")];
    let changed = control.patch(&stage, &operations).await.ok();
    assert_eq!(changed["methodSettings"]["*/*"]["throttlingRateLimit"], json!(5.0));
    assert_eq!(changed["variables"], json!({"v": "1"}));
    assert_eq!(control.get(&stages).await.ok()["item"].as_array().unwrap().len(), 2);
    assert_eq!(control.get(&format!("{stages}?deploymentId=none")).await.ok(), json!({"item": []}));

    control.delete(&format!("{stage}/cache/authorizers")).await.expect(StatusCode::ACCEPTED);
    control.delete(&stage).await.expect(StatusCode::ACCEPTED);
    let unknown = "404 NotFoundException: Invalid stage identifier specified";
    for answer in [
        control.get(&stage).await,
        control.delete(&stage).await,
        control.patch(&stage, &[]).await,
        control.delete(&format!("{stage}/cache/authorizers")).await,
    ] {
        assert_eq!(answer.error(), unknown);
    }
}

#[tokio::test]
async fn an_authorizer_is_attached_and_stays_while_a_method_uses_it() {
    let control = Control::start().await;
    let (api, root) = api(&control).await;
    let authorizers = format!("{api}/authorizers");
    let body = json!({
        "name": "tokens", "type": "TOKEN", "authorizerUri": LAMBDA_URI,
        "identitySource": "method.request.header.Authorization",
    });
    let made = control.post(&authorizers, body.clone()).await.created();
    assert_json_snapshot!(made, {".id" => "[id]"}, @r#"
    {
      "authType": "custom",
      "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations",
      "id": "[id]",
      "identitySource": "method.request.header.Authorization",
      "name": "tokens",
      "type": "TOKEN"
    }
    "#);
    assert_eq!(control.post(&authorizers, body.clone()).await.status, 400, "the name is taken");
    assert_eq!(
        control.post("/restapis/none/authorizers", body).await.error(),
        "409 ConflictException: Unable to complete operation due to concurrent modification. Please try again later."
    );

    let id = text(&made, "id");
    let method = format!("{root}/methods/GET");
    let custom = json!({"authorizationType": "CUSTOM", "authorizerId": id});
    assert_eq!(control.put(&method, custom).await.created()["authorizerId"], json!(id));
    let authorizer = format!("{authorizers}/{id}");
    assert_eq!(control.delete(&authorizer).await.status, 409);
    control.patch(&method, &[("replace", "/authorizationType", "NONE")]).await.ok();
    control.delete(&authorizer).await.expect(StatusCode::ACCEPTED);
    assert_eq!(
        control.get(&authorizer).await.error(),
        "404 NotFoundException: Invalid Authorizer identifier specified"
    );
}

#[tokio::test]
async fn gateway_responses_are_21_and_a_default_shows_through() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let responses = format!("{api}/gatewayresponses");
    let listed = control.get(&responses).await.ok();
    assert_eq!(listed["item"].as_array().unwrap().len(), 21);
    control.put(&format!("{responses}/DEFAULT_4XX"), json!({"statusCode": "418"})).await.created();
    let shown = control.get(&format!("{responses}/THROTTLED")).await.ok();
    assert_eq!((&shown["statusCode"], &shown["defaultResponse"]), (&json!("418"), &json!(true)));
    let undefined = "404 NotFoundException: Gateway response type not defined on api";
    assert_eq!(control.delete(&format!("{responses}/THROTTLED")).await.error(), undefined);
    control.delete(&format!("{responses}/DEFAULT_4XX")).await.expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn what_has_an_arn_is_tagged_by_it() {
    let control = Control::start().await;
    let (api, _) = deployed(&control).await;
    let key = text(&control.post("/apikeys", json!({})).await.created(), "id");
    let plan = text(&control.post("/usageplans", json!({"name": "n"})).await.created(), "id");
    for path in [api.clone(), format!("{api}/stages/prod"), format!("/apikeys/{key}"), format!("/usageplans/{plan}")] {
        let tags = format!("/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A{}", path.replace('/', "%2F"));
        control.put(&tags, json!({"tags": {"k1": "v", "k 2": ""}})).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(control.get(&tags).await.ok(), json!({"tags": {"k1": "v", "k 2": ""}}));
        assert_eq!(control.get(&path).await.ok()["tags"], json!({"k1": "v", "k 2": ""}));
        control.delete(&format!("{tags}?tagKeys=k1&tagKeys=k%202")).await.expect(StatusCode::NO_CONTENT);
        assert_eq!(control.get(&tags).await.ok(), json!({"tags": {}}));
    }
    let unknown = "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2Fnone";
    assert_eq!(control.get(unknown).await.status, 404);
    assert_eq!(control.put(unknown, json!({"tags": {}})).await.status, 404);
}

#[tokio::test]
async fn an_api_that_is_cloned_has_its_own_copy_of_all_but_stages() {
    let control = Control::start().await;
    let (api, _) = deployed(&control).await;
    let id = api.trim_start_matches("/restapis/");
    let clone = control.post("/restapis", json!({"name": "copy", "cloneFrom": id})).await.created();
    let copy = format!("/restapis/{}", text(&clone, "id"));
    let resources = control.get(&format!("{copy}/resources?embed=methods")).await.ok();
    assert_eq!(resources["item"][0]["id"], clone["rootResourceId"]);
    assert_eq!(resources["item"][0]["resourceMethods"]["GET"]["methodIntegration"]["type"], "MOCK");
    assert_eq!(control.get(&format!("{copy}/stages")).await.ok(), json!({"item": []}));
    let method = format!("{copy}/resources/{}/methods/GET", text(&clone, "rootResourceId"));
    assert_eq!(control.delete(&method).await.status, 204);
    let original = control.get(&format!("{api}/resources?embed=methods")).await.ok();
    assert!(original["item"][0]["resourceMethods"]["GET"].is_object());
    let unknown = control.post("/restapis", json!({"name": "copy", "cloneFrom": "nope"})).await.error();
    assert!(unknown.starts_with("404 NotFoundException: Invalid API identifier specified"), "{unknown}");
    assert_eq!(control.get("/restapis").await.ok()["item"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_belongs_to_awss_own_is_kept_and_shown() {
    let control = Control::start().await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"a\\b"}]}"#;
    let made = json!({"name": "a", "policy": policy, "securityPolicy": "TLS_1_2", "endpointAccessMode": "BASIC"});
    let api = control.post("/restapis", made).await.created();
    assert_eq!((&api["securityPolicy"], &api["endpointAccessMode"]), (&json!("TLS_1_2"), &json!("BASIC")));
    // Clients put quotes around it and read it as JSON.
    let shown: String = serde_json::from_str(&format!("\"{}\"", text(&api, "policy"))).unwrap();
    assert_eq!(shown, policy);
    let (api, _) = deployed(&control).await;
    let settings = [
        ("replace", "/accessLogSettings/destinationArn", "arn:aws:logs:us-east-1:123456789012:log-group:g"),
        ("replace", "/accessLogSettings/format", "$context.requestId"),
    ];
    let stage = control.patch(&format!("{api}/stages/prod"), &settings).await.ok();
    let shown = json!({"destinationArn": settings[0].2, "format": settings[1].2});
    assert_eq!(stage["accessLogSettings"], shown);
    let stage = control.patch(&format!("{api}/stages/prod"), &[("remove", "/accessLogSettings", "")]).await.ok();
    assert_eq!(stage.get("accessLogSettings"), None);
    assert_eq!(control.delete(&format!("{api}/stages/prod/cache/data")).await.status, 202);
    assert_eq!(control.delete(&format!("{api}/stages/nope/cache/data")).await.status, 404);
}

#[tokio::test]
async fn a_gateway_response_of_which_nothing_is_patched_stays_unset() {
    let control = Control::start().await;
    let (api, _) = api(&control).await;
    let path = format!("{api}/gatewayresponses/THROTTLED");
    let unset = control.get(&path).await.ok();
    assert_eq!(unset["defaultResponse"], true);
    assert_eq!(control.patch(&path, &[]).await.ok(), unset);
    assert_eq!(control.get(&path).await.ok(), unset);
}
