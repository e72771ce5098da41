//! What callers get wrong, and what each is told, whole and over HTTP: status, error
//! type and text. Nothing that is refused changes anything.

mod allowed;
mod models;

use serde_json::{Value, json};

use crate::support::{Control, text};

const FUNCTION: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
     arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations";

/// What there is to get wrong, by the names that paths have for it.
struct Scene {
    control: Control,
    names: Vec<(String, String)>,
}

/// A call: verb, path with `{names}`, body.
type Call<'a> = (&'a str, &'a str, Value);

impl Scene {
    async fn new() -> Self {
        let control = Control::start().await;
        let api = control.post("/restapis", json!({"name": "a"})).await.created();
        let path = format!("/restapis/{}", text(&api, "id"));
        let root = format!("{path}/resources/{}", text(&api, "rootResourceId"));
        let resource = text(&control.post(&root, json!({"pathPart": "pets"})).await.created(), "id");
        let proxy = text(&control.post(&root, json!({"pathPart": "{proxy+}"})).await.created(), "id");
        let pets = format!("{path}/resources/{resource}");
        let method = format!("{pets}/methods/GET");
        control.put(&method, json!({"authorizationType": "NONE"})).await.created();
        control.put(&format!("{method}/integration"), json!({"type": "MOCK"})).await.created();
        let deployment = control.post(&format!("{path}/deployments"), json!({"stageName": "prod"})).await.created();
        let key = control.post("/apikeys", json!({"name": "k", "value": "a-value-of-20-characters"})).await.created();
        let id = text(&api, "id");
        let stages = json!([{"apiId": id, "stage": "prod"}]);
        let plan = json!({"name": "p", "apiStages": stages, "quota": {"limit": 10, "period": "DAY"}});
        let plan = text(&control.post("/usageplans", plan).await.created(), "id");
        let names = vec![
            ("api", path.clone()),
            ("id", id),
            ("root", root),
            ("rootId", text(&api, "rootResourceId")),
            ("pets", pets),
            ("resource", resource),
            ("proxy", format!("{path}/resources/{proxy}")),
            ("method", method),
            ("deployment", text(&deployment, "id")),
            ("key", text(&key, "id")),
            ("plan", plan),
        ];
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { control, names }
    }

    fn named(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    async fn check(&self, (verb, path, body): Call<'_>, told: &str) {
        let (path, told) = (self.named(path), self.named(told));
        let body = if body.is_null() { String::new() } else { self.named(&body.to_string()) };
        let before = self.shown().await;
        let answer = self.control.call(verb, &path, &body).await;
        assert_eq!(answer.error(), told, "{verb} {path} {body}");
        assert_eq!(self.shown().await, before, "{verb} {path} {body}");
    }

    /// All that there is, roughly.
    async fn shown(&self) -> Vec<Value> {
        let mut shown = Vec::new();
        for path in [
            "{api}",
            "{api}/resources?embed=methods",
            "{api}/stages",
            "{api}/authorizers",
            "{api}/models",
            "{api}/requestvalidators",
            "/apikeys",
            "/usageplans",
        ] {
            shown.push(self.control.get(&self.named(path)).await.ok());
        }
        shown
    }
}

fn patch(op: &str, path: &str, value: &str) -> Value {
    json!({"patchOperations": [{"op": op, "path": path, "value": value}]})
}

#[tokio::test]
async fn of_api_keys() {
    let scene = Scene::new().await;
    let bad = "400 BadRequestException: ";
    for (call, told) in [
        (
            ("POST", "/apikeys", json!({"name": "n".repeat(1_025)})),
            "Invalid API Key name, can be at most 1024 characters.",
        ),
        (("POST", "/apikeys", json!({"value": "v".repeat(19)})), "API Key value should be at least 20 characters"),
        (
            ("POST", "/apikeys", json!({"value": "v".repeat(129)})),
            "API Key value exceeds maximum size of 128 characters",
        ),
        (("POST", "/apikeys", json!({"description": "d".repeat(125_001)})), "Invalid API Key description specified."),
        (
            ("PATCH", "/apikeys/{key}", patch("replace", "/description", &"d".repeat(125_001))),
            "Invalid API Key description specified.",
        ),
        (
            ("PATCH", "/apikeys/{key}", patch("replace", "/id", "x")),
            "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]",
        ),
    ] {
        scene.check(call, &format!("{bad}{told}")).await;
    }
    let taken = ("POST", "/apikeys", json!({"value": "a-value-of-20-characters"}));
    scene.check(taken, "409 ConflictException: API Key already exists").await;
    for verb in ["GET", "DELETE"] {
        let unknown = (verb, "/apikeys/nope", Value::Null);
        scene.check(unknown, "404 NotFoundException: Invalid API Key identifier specified").await;
    }
}

#[tokio::test]
async fn of_usage_plans() {
    let scene = Scene::new().await;
    let quota = |quota: Value| ("POST", "/usageplans", json!({"name": "n", "quota": quota}));
    let (bad, unknown) = ("400 BadRequestException: ", "404 NotFoundException: ");
    for (call, told) in [
        (("PATCH", "/usageplans/{plan}", patch("remove", "/apiStages", "")), "Invalid API Stage specified"),
        (("PATCH", "/usageplans/{plan}", patch("remove", "/apiStages", "no pair")), "Invalid API Stage specified"),
        (
            ("DELETE", "/usageplans/{plan}", Value::Null),
            "Cannot delete Usage Plan {plan} because there are API Stages associated with it, including {id}:prod",
        ),
        (quota(json!({"limit": 0, "period": "DAY"})), "Usage Plan quota limit must be a non-negative numeric"),
        (quota(json!({"limit": 1})), "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"),
        (
            quota(json!({"limit": 1, "period": "DAY", "offset": 1})),
            "Usage Plan quota offset must be zero in the DAY period",
        ),
        (
            quota(json!({"limit": 1, "period": "WEEK", "offset": 7})),
            "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period",
        ),
        (
            quota(json!({"limit": 1, "period": "MONTH", "offset": 28})),
            "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period",
        ),
    ] {
        scene.check(call, &format!("{bad}{told}")).await;
    }
    let nowhere = json!({"name": "n", "apiStages": [{"apiId": "{id}", "stage": "nope"}]});
    for (call, told) in [
        (("GET", "/usageplans/nope", Value::Null), "Invalid Usage Plan ID specified"),
        (("PATCH", "/usageplans/nope", patch("replace", "/name", "x")), "Invalid Usage Plan ID specified"),
        (("DELETE", "/usageplans/nope", Value::Null), "Invalid Usage Plan ID specified"),
        (
            ("PATCH", "/usageplans/{plan}", patch("remove", "/apiStages", "{id}:nope")),
            "Invalid API Stage {api: {id}, stage: nope} specified for usageplan {plan}",
        ),
        (("POST", "/usageplans", nowhere), "API Stage not found: {id}:nope"),
        (
            ("POST", "/usageplans/{plan}/keys", json!({"keyId": "nope", "keyType": "API_KEY"})),
            "Invalid API Key identifier specified",
        ),
        (
            ("GET", "/usageplans/{plan}/usage?keyId=nope&startDate=2026-11-01&endDate=2026-11-02", Value::Null),
            "Invalid Key identifier specified",
        ),
    ] {
        scene.check(call, &format!("{unknown}{told}")).await;
    }
    let plan_key = json!({"keyId": "{key}", "keyType": "API_KEY"});
    let path = scene.named("/usageplans/{plan}/keys");
    scene.control.call("POST", &path, &scene.named(&plan_key.to_string())).await.created();
    let other = json!({"name": "o", "apiStages": [{"apiId": scene.named("{id}"), "stage": "prod"}]});
    let other = text(&scene.control.post("/usageplans", other).await.created(), "id");
    let again = scene.control.call("POST", &path, &scene.named(&plan_key.to_string())).await;
    assert_eq!(again.status, 409, "{again:?}");
    let elsewhere = format!("/usageplans/{other}/keys");
    let elsewhere = scene.control.call("POST", &elsewhere, &scene.named(&plan_key.to_string())).await;
    assert_eq!((elsewhere.status, elsewhere.kind.as_str()), (409, "ConflictException"));
    assert_eq!(scene.control.get("/usageplans/nope/keys").await.ok(), json!({"item": []}));
}

#[tokio::test]
async fn of_rest_apis_and_resources() {
    let scene = Scene::new().await;
    let create = |members: Value| ("POST", "/restapis", members);
    for (call, told) in [
        (create(json!({"name": "a", "description": ""})), "Description cannot be an empty string"),
        (
            create(json!({"name": "a", "endpointConfiguration": {"types": []}})),
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        (
            create(json!({"name": "a", "endpointConfiguration": {"types": ["EDGE", "REGIONAL"]}})),
            "Cannot create an api with multiple Endpoint Types.",
        ),
        (
            create(json!({"name": "a", "minimumCompressionSize": -1})),
            "Invalid minimum compression size, must be between 0 and 10485760",
        ),
        (
            ("PATCH", "{api}", patch("add", "/name", "x")),
            "Invalid patch operation specified. Must be one of: [replace]",
        ),
        (("PATCH", "{api}", patch("add", "/binaryMediaTypes", "a/b")), "Invalid patch path /binaryMediaTypes"),
        (
            ("PATCH", "{api}", patch("replace", "/endpointConfiguration/types/EDGE", "X")),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE",
        ),
        (
            ("POST", "{root}", json!({"pathPart": "{other}"})),
            "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed",
        ),
        (
            ("POST", "{proxy}", json!({"pathPart": "x"})),
            "Cannot create a child of a resource with a greedy path variable: {proxy+}",
        ),
        (
            ("POST", "{root}", json!({"pathPart": "a/b"})),
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the \
             beginning and the end.",
        ),
        (("PATCH", "{pets}", patch("replace", "/parentId", "{resource}")), "Resources cannot be cyclical."),
        (("PATCH", "{root}", patch("replace", "/pathPart", "x")), "Root resource cannot update its pathPart."),
        (("PATCH", "{root}", patch("replace", "/parentId", "x")), "Root resource cannot update its parentId."),
        (
            ("PATCH", "{pets}", patch("replace", "/invalid", "x")),
            "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]",
        ),
        (
            ("PATCH", "{pets}", patch("remove", "/pathPart", "x")),
            "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations",
        ),
    ] {
        scene.check(call, &format!("400 BadRequestException: {told}")).await;
    }
    let unknown = "404 NotFoundException: Invalid API identifier specified 000000000000:nope";
    scene.check(("GET", "/restapis/nope", Value::Null), unknown).await;
    scene.check(("DELETE", "/restapis/nope", Value::Null), unknown).await;
    for path in ["{api}/resources/nope", "/restapis/nope/resources/nope"] {
        let told = "404 NotFoundException: Invalid Resource identifier specified";
        scene.check(("GET", path, Value::Null), told).await;
    }
    let taken = "409 ConflictException: Another resource with the same parent already has this name: pets";
    scene.check(("POST", "{root}", json!({"pathPart": "pets"})), taken).await;
}

#[tokio::test]
async fn of_methods_and_integrations() {
    let scene = Scene::new().await;
    let post = "{pets}/methods/POST";
    let integration = "{method}/integration";
    let no_authorizer = "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or \
                         COGNITO_USER_POOLS requires a valid authorizer.";
    let twice = json!({"authorizationType": "NONE", "requestParameters": {
        "method.request.header.a": true, "method.request.querystring.a": true,
    }});
    for (call, told) in [
        (
            ("PUT", "{pets}/methods/FETCH", json!({"authorizationType": "NONE"})),
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY",
        ),
        (("PUT", post, json!({"authorizationType": "CUSTOM"})), no_authorizer),
        (("PUT", post, json!({"authorizationType": "CUSTOM", "authorizerId": "nope"})), no_authorizer),
        (
            ("PUT", post, json!({"authorizationType": "NONE", "requestValidatorId": "nope"})),
            "Invalid Request Validator identifier specified",
        ),
        (
            ("PUT", post, json!({"authorizationType": "NONE", "requestModels": {"a/b": "X"}})),
            "Invalid model identifier specified: X",
        ),
        (("PUT", post, twice), "Parameter names must be unique across querystring, header and path"),
        (("PATCH", "{method}", patch("replace", "/httpMethod", "PUT")), "Invalid patch path /httpMethod"),
        (
            ("PATCH", "{method}", patch("test", "/requestParameters/method.request.header.a", "x")),
            "Invalid patch operation specified. Must be 'add'|'remove'|'replace'",
        ),
        (
            ("PUT", post, json!({"authorizationType": "NONE", "authorizationScopes": ["s"]})),
            "Authorization Scopes are only valid for COGNITO_USER_POOLS authorization type",
        ),
        (
            ("PUT", integration, json!({"type": "HTTP", "uri": "https://example.com"})),
            "Enumeration value for HttpMethod must be non-empty",
        ),
        (
            (
                "PUT",
                integration,
                json!({"type": "AWS", "integrationHttpMethod": "POST", "httpMethod": "POST",
                                        "uri": "arn:aws:apigateway:us-east-1:lambda:x"}),
            ),
            "AWS ARN for integration must contain path or action",
        ),
        (
            ("PUT", integration, json!({"type": "AWS", "httpMethod": "POST", "uri": "arn:aws:lambda:x"})),
            "Invalid ARN specified in the request",
        ),
        (
            ("PUT", integration, json!({"type": "HTTP", "httpMethod": "GET", "uri": "no url"})),
            "Invalid HTTP endpoint specified for URI",
        ),
        (
            ("PUT", integration, json!({"type": "MOCK", "timeoutInMillis": 49})),
            "Timeout should be between 50 ms and 29000 ms",
        ),
        (
            ("PUT", integration, json!({"type": "MOCK", "requestParameters": {"integration.request.header.a": "X"}})),
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping \
             expression parameter specified: X]",
        ),
    ] {
        scene.check(call, &format!("400 BadRequestException: {told}")).await;
    }
    let kind = "400 ValidationException: 1 validation error detected: Value 'HTTPS_PROXY' at 'putIntegrationInput.type' \
                failed to satisfy constraint: Member must satisfy enum value set: [HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS]";
    scene.check(("PUT", integration, json!({"type": "HTTPS_PROXY"})), kind).await;
    for (path, what) in [
        ("{pets}/methods/PUT", "Method identifier"),
        ("{method}/responses/200", "Response status code"),
        ("{method}/integration/responses/200", "Response status code"),
    ] {
        scene.check(("GET", path, Value::Null), &format!("404 NotFoundException: Invalid {what} specified")).await;
    }
    let path = scene.named("{pets}/methods/DELETE");
    scene.control.put(&path, json!({"authorizationType": "NONE"})).await.created();
    let none = ("GET", "{pets}/methods/DELETE/integration", Value::Null);
    scene.check(none, "404 NotFoundException: Invalid Integration identifier specified").await;
    let undeployable = ("POST", "{api}/deployments", json!({}));
    scene.check(undeployable, "400 BadRequestException: No integration defined for method").await;
}

#[tokio::test]
async fn of_authorizers() {
    let scene = Scene::new().await;
    let token = |changes: Value| {
        let mut body = json!({
            "name": "a", "type": "TOKEN", "authorizerUri": FUNCTION, "identitySource": "method.request.header.A",
        });
        for (member, value) in changes.as_object().into_iter().flatten() {
            body[member] = value.clone();
        }
        body
    };
    for (changes, told) in [
        (json!({"identitySource": ""}), "IdentitySource cannot be empty"),
        (json!({"identitySource": "header.A"}), "Invalid request identity source expression: header.A"),
        (
            json!({"authorizerResultTtlInSeconds": 3_601}),
            "Authorizer result TTL outside allowable range. TTL must be between 0 and 3600 seconds.",
        ),
        (
            json!({"authorizerUri": "arn:aws:lambda:x"}),
            "Invalid Authorizer URI: arn:aws:lambda:x. Authorizer URI should be a valid API Gateway ARN that represents a \
             Lambda function invocation.",
        ),
    ] {
        let call = ("POST", "{api}/authorizers", token(changes));
        scene.check(call, &format!("400 BadRequestException: {told}")).await;
    }
    let elsewhere = ("POST", "/restapis/nope/authorizers", token(json!({})));
    let told =
        "409 ConflictException: Unable to complete operation due to concurrent modification. Please try again later.";
    scene.check(elsewhere, told).await;
    let list = ("GET", "/restapis/nope/authorizers", Value::Null);
    scene.check(list, "404 NotFoundException: Invalid API identifier specified 000000000000:nope").await;
    let unknown = ("GET", "{api}/authorizers/nope", Value::Null);
    scene.check(unknown, "404 NotFoundException: Invalid Authorizer identifier specified").await;
}

#[tokio::test]
async fn of_deployments_stages_and_gateway_responses() {
    let scene = Scene::new().await;
    let stage = |body: Value| ("POST", "{api}/stages", body);
    let on = |op: &'static str, path: &str, value: &str| ("PATCH", "{api}/stages/prod", patch(op, path, value));
    for (call, told) in [
        (
            ("DELETE", "{api}/deployments/{deployment}", Value::Null),
            "Active stages pointing to this deployment must be moved or deleted",
        ),
        (stage(json!({"stageName": "dev", "deploymentId": "nope"})), "Deployment id does not exist"),
        (on("replace", "/deploymentId", "nope"), "Deployment id does not exist"),
        (
            on("remove", "/*/*", ""),
            "Cannot remove method setting */* because there is no method setting for this method ",
        ),
        (on("replace", "/accessLogSettings/format", ""), "Access Log value must not be empty"),
        (
            on("replace", "/accessLogSettings/x", "y"),
            "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, /accessLogSettings/format]",
        ),
        (
            on("add", "/canarySettings/deploymentId", "x"),
            "Invalid add operation with path: /canarySettings/deploymentId",
        ),
        (
            on("replace", "/*/*/caching/ttlInSeconds", "3601"),
            "Invalid time-to-live setting, must be an integer no greater than 3600",
        ),
        (
            on("replace", "/variables/a b", "x"),
            "Invalid stage variable name: a b. Please use names with only word characters.",
        ),
        (
            ("PATCH", "{api}/gatewayresponses/THROTTLED", patch("add", "/statusCode", "1")),
            "Invalid patch path /statusCode",
        ),
        (
            ("PATCH", "{api}/gatewayresponses/THROTTLED", patch("replace", "/wrongPath", "1")),
            "Invalid patch path /wrongPath",
        ),
        (
            (
                "PATCH",
                "{api}/gatewayresponses/THROTTLED",
                json!({"patchOperations": [{"op": "replace", "value": "1"}]}),
            ),
            "Invalid patch path null",
        ),
        (
            ("PATCH", "{api}/gatewayresponses/THROTTLED", patch("add", "/responseTemplates/a~1b", "")),
            "Invalid null or empty value in responseTemplates",
        ),
    ] {
        scene.check(call, &format!("400 BadRequestException: {told}")).await;
    }
    let duplicate = stage(json!({"stageName": "prod", "deploymentId": "{deployment}"}));
    scene.check(duplicate, "409 ConflictException: Stage already exists").await;
    for (path, what) in [
        ("{api}/stages/nope", "Invalid stage identifier specified"),
        ("{api}/deployments/nope", "Invalid Deployment identifier specified"),
    ] {
        scene.check(("GET", path, Value::Null), &format!("404 NotFoundException: {what}")).await;
    }
    let unset = ("DELETE", "{api}/gatewayresponses/THROTTLED", Value::Null);
    scene.check(unset, "404 NotFoundException: Gateway response type not defined on api").await;
    let parameter = patch("remove", "/responseTemplates/a~1b", "");
    let parameter = ("PATCH", "{api}/gatewayresponses/THROTTLED", parameter);
    scene.check(parameter, "404 NotFoundException: Invalid parameter name specified").await;
    let empty = json!({"name": "empty"});
    let empty = text(&scene.control.post("/restapis", empty).await.created(), "id");
    let nothing = format!("/restapis/{empty}/deployments");
    scene
        .check(("POST", &nothing, json!({})), "400 BadRequestException: The REST API doesn't contain any methods")
        .await;
}
