//! What callers get right, and what each is answered, whole and over HTTP. Ids that
//! were made on the way stand under the names that paths have for them.

use serde_json::{Map, Value, json};

use super::{FUNCTION, Scene, patch, text};

/// What the id in the answer is called from then on, if anything; the call; the
/// answer.
type Row<'a> = (&'a str, (&'a str, &'a str, Value), &'a str);

impl Scene {
    async fn tell(&mut self, rows: &[Row<'_>]) {
        for (name, (verb, path, body), told) in rows {
            let path_sent = self.named(path);
            let body = if body.is_null() { String::new() } else { self.named(&body.to_string()) };
            let answer = self.control.call(verb, &path_sent, &body).await;
            assert_eq!(answer.kind, "", "{verb} {path_sent}: {answer:?}");
            if !name.is_empty() {
                self.names.push(((*name).to_owned(), text(&answer.body, "id")));
            }
            let shown = match answer.body {
                Value::Null => answer.status.to_string(),
                body => format!("{} {}", answer.status, self.redacted("", body)),
            };
            assert_eq!(shown, *told, "{verb} {path} {body}");
        }
    }

    /// Without what is random.
    fn redacted(&self, member: &str, value: Value) -> Value {
        match value {
            Value::String(text) => match self.names.iter().find(|(_, known)| *known == text) {
                Some((name, _)) => format!("{{{name}}}").into(),
                None if matches!(member, "id" | "rootResourceId") => "{random}".into(),
                None if member == "value" && text.len() == 40 => "{random}".into(),
                None => text.into(),
            },
            Value::Array(values) => values.into_iter().map(|value| self.redacted(member, value)).collect(),
            Value::Object(members) => {
                let named = members.into_iter().map(|(name, value)| {
                    let value = self.redacted(&name, value);
                    let is_id = |(_, known): &&(String, String)| *known == name;
                    let name = self.names.iter().find(is_id).map_or(name, |(name, _)| format!("{{{name}}}"));
                    (name, value)
                });
                named.collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }
}

const NONE: Value = Value::Null;

#[tokio::test]
async fn of_api_keys() {
    let mut scene = Scene::new().await;
    scene
        .tell(&[
            ("", ("POST", "/apikeys", json!({})), r#"201 {"createdDate":1795435200,"enabled":false,"id":"{random}","lastUpdatedDate":1795435200,"stageKeys":[],"value":"{random}"}"#),
            ("", ("POST", "/apikeys", json!({"name": "", "value": ""})), r#"201 {"createdDate":1795435200,"enabled":false,"id":"{random}","lastUpdatedDate":1795435200,"stageKeys":[],"value":"{random}"}"#),
            (
                "second",
                ("POST", "/apikeys", json!({"name": "k", "description": "d", "enabled": true, "customerId": "c", "tags": {"t": "v"}})),
                r#"201 {"createdDate":1795435200,"customerId":"c","description":"d","enabled":true,"id":"{second}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[],"tags":{"t":"v"},"value":"{random}"}"#,
            ),
            ("", ("GET", "/apikeys/{second}", NONE), r#"200 {"createdDate":1795435200,"customerId":"c","description":"d","enabled":true,"id":"{second}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[],"tags":{"t":"v"}}"#),
            ("", ("GET", "/apikeys/{key}?includeValue=true", NONE), r#"200 {"createdDate":1795435200,"enabled":false,"id":"{key}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[],"tags":{},"value":"a-value-of-20-characters"}"#),
            ("", ("PATCH", "/apikeys/{second}", patch("replace", "/enabled", "not-a-boolean")), r#"200 {"createdDate":1795435200,"customerId":"c","description":"d","enabled":false,"id":"{second}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[],"tags":{"t":"v"}}"#),
            ("", ("PATCH", "/apikeys/{second}", patch("replace", "/enabled", "TRUE")), r#"200 {"createdDate":1795435200,"customerId":"c","description":"d","enabled":true,"id":"{second}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[],"tags":{"t":"v"}}"#),
            ("", ("PATCH", "/apikeys/{second}", patch("replace", "/name", "")), r#"200 {"createdDate":1795435200,"customerId":"c","description":"d","enabled":true,"id":"{second}","lastUpdatedDate":1795435200,"stageKeys":[],"tags":{"t":"v"}}"#),
            ("", ("GET", "/apikeys?customerId=c", NONE), r#"200 {"item":[{"createdDate":1795435200,"customerId":"c","description":"d","enabled":true,"id":"{second}","lastUpdatedDate":1795435200,"stageKeys":[],"tags":{"t":"v"}}]}"#),
            ("", ("GET", "/apikeys?name=k", NONE), r#"200 {"item":[{"createdDate":1795435200,"enabled":false,"id":"{key}","lastUpdatedDate":1795435200,"name":"k","stageKeys":[]}]}"#),
            ("", ("GET", "/apikeys?name=K", NONE), r#"200 {"item":[]}"#),
            ("", ("DELETE", "/apikeys/{second}", NONE), "202"),
        ])
        .await;
}

#[tokio::test]
async fn of_usage_plans() {
    let mut scene = Scene::new().await;
    let whole = json!({
        "name": "n", "description": "d", "throttle": {"burstLimit": 10, "rateLimit": 2.0},
        "quota": {"limit": 10, "offset": 2, "period": "WEEK"}, "tags": {"t": "v"},
        "apiStages": [{"apiId": "{id}", "stage": "prod", "throttle": {"/pets/GET": {"burstLimit": 1, "rateLimit": 1.0}}}],
    });
    scene
        .tell(&[
            ("", ("POST", "/usageplans", json!({"name": "n"})), r#"201 {"apiStages":[],"id":"{random}","name":"n"}"#),
            ("whole", ("POST", "/usageplans", whole), r#"201 {"apiStages":[{"apiId":"{id}","stage":"prod","throttle":{"/pets/GET":{"burstLimit":1,"rateLimit":1.0}}}],"description":"d","id":"{whole}","name":"n","quota":{"limit":10,"offset":2,"period":"WEEK"},"tags":{"t":"v"},"throttle":{"burstLimit":10,"rateLimit":2.0}}"#),
            ("", ("GET", "/usageplans/{whole}", NONE), r#"200 {"apiStages":[{"apiId":"{id}","stage":"prod","throttle":{"/pets/GET":{"burstLimit":1,"rateLimit":1.0}}}],"description":"d","id":"{whole}","name":"n","quota":{"limit":10,"offset":2,"period":"WEEK"},"tags":{"t":"v"},"throttle":{"burstLimit":10,"rateLimit":2.0}}"#),
            ("", ("PATCH", "/usageplans/{whole}", patch("replace", "/throttle/burstLimit", "1")), r#"200 {"apiStages":[{"apiId":"{id}","stage":"prod","throttle":{"/pets/GET":{"burstLimit":1,"rateLimit":1.0}}}],"description":"d","id":"{whole}","name":"n","quota":{"limit":10,"offset":2,"period":"WEEK"},"tags":{"t":"v"},"throttle":{"burstLimit":1,"rateLimit":2.0}}"#),
            ("", ("PATCH", "/usageplans/{whole}", patch("remove", "/quota", "")), r#"200 {"apiStages":[{"apiId":"{id}","stage":"prod","throttle":{"/pets/GET":{"burstLimit":1,"rateLimit":1.0}}}],"description":"d","id":"{whole}","name":"n","tags":{"t":"v"},"throttle":{"burstLimit":1,"rateLimit":2.0}}"#),
            ("", ("PATCH", "/usageplans/{whole}", patch("remove", "/apiStages", "{id}:prod")), r#"200 {"apiStages":[],"description":"d","id":"{whole}","name":"n","tags":{"t":"v"},"throttle":{"burstLimit":1,"rateLimit":2.0}}"#),
            ("", ("POST", "/usageplans/{whole}/keys", json!({"keyId": "{key}", "keyType": "API_KEY"})), r#"201 {"id":"{key}","name":"k","type":"API_KEY","value":"a-value-of-20-characters"}"#),
            ("", ("GET", "/usageplans/{whole}/keys", NONE), r#"200 {"item":[{"id":"{key}","name":"k","type":"API_KEY","value":"a-value-of-20-characters"}]}"#),
            ("", ("GET", "/usageplans/{whole}/keys?name=K", NONE), r#"200 {"item":[]}"#),
            ("", ("GET", "/usageplans/{whole}/keys/{key}", NONE), r#"200 {"id":"{key}","name":"k","type":"API_KEY","value":"a-value-of-20-characters"}"#),
            ("", ("GET", "/usageplans?keyId={key}", NONE), r#"200 {"item":[{"apiStages":[],"description":"d","id":"{whole}","name":"n","tags":{"t":"v"},"throttle":{"burstLimit":1,"rateLimit":2.0}}]}"#),
            ("", ("GET", "/usageplans/nope/keys", NONE), r#"200 {"item":[]}"#),
            ("", ("DELETE", "/usageplans/{whole}", NONE), "202"),
            ("", ("GET", "/usageplans?keyId={key}", NONE), r#"200 {"item":[]}"#),
            // A plan's stage goes with it.
            ("", ("DELETE", "{api}/stages/prod", NONE), "202"),
            ("", ("GET", "/usageplans/{plan}", NONE), r#"200 {"apiStages":[],"id":"{plan}","name":"p","quota":{"limit":10,"offset":0,"period":"DAY"},"tags":{}}"#),
        ])
        .await;
}

#[tokio::test]
async fn of_usage() {
    let mut scene = Scene::new().await;
    let of_days = "/usageplans/{plan}/usage?startDate=2026-11-22&endDate=2026-11-23";
    scene
        .tell(&[
            ("", ("POST", "/usageplans/{plan}/keys", json!({"keyId": "{key}", "keyType": "API_KEY"})), r#"201 {"id":"{key}","name":"k","type":"API_KEY","value":"a-value-of-20-characters"}"#),
            ("", ("GET", of_days, NONE), r#"200 {"endDate":"2026-11-23","startDate":"2026-11-22","usagePlanId":"{plan}","values":{"{key}":[[0,10],[0,10]]}}"#),
            ("", ("PATCH", "/usageplans/{plan}/keys/{key}/usage", patch("replace", "/remaining", "3")), r#"200 {"endDate":"2026-11-23","startDate":"2026-11-23","usagePlanId":"{plan}","values":{"{key}":[[0,3]]}}"#),
            ("", ("GET", &format!("{of_days}&keyId={{key}}"), NONE), r#"200 {"endDate":"2026-11-23","startDate":"2026-11-22","usagePlanId":"{plan}","values":{"{key}":[[0,10],[0,3]]}}"#),
            ("", ("PATCH", "/usageplans/{plan}/keys/{key}/usage", patch("replace", "/remaining", "99")), r#"200 {"endDate":"2026-11-23","startDate":"2026-11-23","usagePlanId":"{plan}","values":{"{key}":[[0,99]]}}"#),
            ("", ("DELETE", "/usageplans/{plan}/keys/{key}", NONE), "202"),
            ("", ("GET", of_days, NONE), r#"200 {"endDate":"2026-11-23","startDate":"2026-11-22","usagePlanId":"{plan}","values":{}}"#),
        ])
        .await;
}

#[tokio::test]
async fn of_rest_apis_and_resources() {
    let mut scene = Scene::new().await;
    let whole = json!({
        "name": "b", "description": "d", "version": "v1", "binaryMediaTypes": ["image/png"],
        "minimumCompressionSize": 0, "apiKeySource": "AUTHORIZER", "disableExecuteApiEndpoint": true,
        "endpointConfiguration": {"types": ["PRIVATE"], "ipAddressType": "dualstack"}, "tags": {"t": "v"},
    });
    scene
        .tell(&[
            ("", ("POST", "/restapis", json!({"name": "a"})), r#"201 {"apiKeySource":"HEADER","createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"{random}","name":"a","rootResourceId":"{random}"}"#),
            ("whole", ("POST", "/restapis", whole), r#"201 {"apiKeySource":"AUTHORIZER","binaryMediaTypes":["image/png"],"createdDate":1795435200,"description":"d","disableExecuteApiEndpoint":true,"endpointConfiguration":{"ipAddressType":"dualstack","types":["PRIVATE"]},"id":"{whole}","minimumCompressionSize":0,"name":"b","rootResourceId":"{random}","tags":{"t":"v"},"version":"v1"}"#),
            ("", ("GET", "/restapis/{whole}", NONE), r#"200 {"apiKeySource":"AUTHORIZER","binaryMediaTypes":["image/png"],"createdDate":1795435200,"description":"d","disableExecuteApiEndpoint":true,"endpointConfiguration":{"ipAddressType":"dualstack","types":["PRIVATE"]},"id":"{whole}","minimumCompressionSize":0,"name":"b","rootResourceId":"{random}","tags":{"t":"v"},"version":"v1"}"#),
            ("", ("PATCH", "{api}", patch("replace", "/apiKeySource", "AUTHORIZER")), r#"200 {"apiKeySource":"AUTHORIZER","createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"{id}","name":"a","rootResourceId":"{rootId}","tags":{}}"#),
            ("", ("PATCH", "{api}", patch("replace", "/apiKeySource", "HEADER")), r#"200 {"apiKeySource":"HEADER","createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["EDGE"]},"id":"{id}","name":"a","rootResourceId":"{rootId}","tags":{}}"#),
            ("", ("PATCH", "{api}", patch("replace", "/endpointConfiguration/types/EDGE", "REGIONAL")), r#"200 {"apiKeySource":"HEADER","createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"{id}","name":"a","rootResourceId":"{rootId}","tags":{}}"#),
            ("", ("PATCH", "{api}", patch("add", "/binaryMediaTypes/image~1png", "")), r#"200 {"apiKeySource":"HEADER","binaryMediaTypes":["image/png"],"createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"{id}","name":"a","rootResourceId":"{rootId}","tags":{}}"#),
            ("", ("PATCH", "{api}", patch("remove", "/binaryMediaTypes/image~1png", "")), r#"200 {"apiKeySource":"HEADER","createdDate":1795435200,"disableExecuteApiEndpoint":false,"endpointConfiguration":{"ipAddressType":"ipv4","types":["REGIONAL"]},"id":"{id}","name":"a","rootResourceId":"{rootId}","tags":{}}"#),
            ("", ("DELETE", "/restapis/{whole}", NONE), "202"),
            ("child", ("POST", "{pets}", json!({"pathPart": "{pet}"})), r#"201 {"id":"{child}","parentId":"{resource}","path":"/pets/{pet}","pathPart":"{pet}"}"#),
            ("", ("PATCH", "{api}/resources/{child}", patch("replace", "/pathPart", "one")), r#"200 {"id":"{child}","parentId":"{resource}","path":"/pets/one","pathPart":"one"}"#),
            ("", ("GET", "{api}/resources/{child}", NONE), r#"200 {"id":"{child}","parentId":"{resource}","path":"/pets/one","pathPart":"one"}"#),
            ("", ("GET", "{api}/resources", NONE), r#"200 {"item":[{"id":"{rootId}","path":"/"},{"id":"{resource}","parentId":"{rootId}","path":"/pets","pathPart":"pets","resourceMethods":{"GET":{}}},{"id":"{child}","parentId":"{resource}","path":"/pets/one","pathPart":"one"},{"id":"{random}","parentId":"{rootId}","path":"/{proxy+}","pathPart":"{proxy+}"}]}"#),
            ("", ("GET", "{pets}?embed=methods", NONE), r#"200 {"id":"{resource}","parentId":"{rootId}","path":"/pets","pathPart":"pets","resourceMethods":{"GET":{"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"GET","methodIntegration":{"cacheKeyParameters":[],"cacheNamespace":"{resource}","passthroughBehavior":"WHEN_NO_MATCH","timeoutInMillis":29000,"type":"MOCK"}}}}"#),
            ("", ("PATCH", "{api}/resources/{child}", patch("replace", "/parentId", "{rootId}")), r#"200 {"id":"{child}","parentId":"{rootId}","path":"/one","pathPart":"one"}"#),
            ("", ("DELETE", "{api}/resources/{child}", NONE), "202"),
        ])
        .await;
}

#[tokio::test]
async fn of_methods_and_integrations() {
    let mut scene = Scene::new().await;
    let declared = json!({
        "authorizationType": "NONE", "apiKeyRequired": true, "operationName": "o",
        "requestParameters": {"method.request.querystring.q": true}, "requestModels": {"application/json": "Empty"},
    });
    let integration = json!({
        "type": "HTTP_PROXY", "httpMethod": "GET", "uri": "https://example.com/{x}",
        "requestParameters": {"integration.request.path.x": "method.request.querystring.q"}, "timeoutInMillis": 1000,
    });
    let declared_response =
        json!({"responseParameters": {"method.response.header.a": true}, "responseModels": {"a/b": "Empty"}});
    scene
        .tell(&[
            ("", ("PUT", "{pets}/methods/PUT", json!({"authorizationType": "NONE"})), r#"201 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"PUT"}"#),
            ("", ("PUT", "{pets}/methods/POST", declared), r#"201 {"apiKeyRequired":true,"authorizationType":"NONE","httpMethod":"POST","operationName":"o","requestModels":{"application/json":"Empty"},"requestParameters":{"method.request.querystring.q":true}}"#),
            ("", ("PUT", "{pets}/methods/POST/integration", integration), r#"201 {"cacheKeyParameters":[],"cacheNamespace":"{resource}","httpMethod":"GET","passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.path.x":"method.request.querystring.q"},"timeoutInMillis":1000,"type":"HTTP_PROXY","uri":"https://example.com/{x}"}"#),
            ("", ("PUT", "{pets}/methods/POST/responses/200", declared_response), r#"201 {"responseModels":{"a/b":"Empty"},"responseParameters":{"method.response.header.a":true},"statusCode":"200"}"#),
            (
                "",
                ("PUT", "{pets}/methods/POST/integration/responses/200", json!({"selectionPattern": "", "responseTemplates": {"application/json": ""}, "responseParameters": {"method.response.header.a": "'1'"}})),
                r#"201 {"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"statusCode":"200"}"#,
            ),
            ("", ("GET", "{pets}/methods/POST", NONE), r#"200 {"apiKeyRequired":true,"authorizationType":"NONE","httpMethod":"POST","methodIntegration":{"cacheKeyParameters":[],"cacheNamespace":"{resource}","httpMethod":"GET","integrationResponses":{"200":{"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"statusCode":"200"}},"passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.path.x":"method.request.querystring.q"},"timeoutInMillis":1000,"type":"HTTP_PROXY","uri":"https://example.com/{x}"},"methodResponses":{"200":{"responseModels":{"a/b":"Empty"},"responseParameters":{"method.response.header.a":true},"statusCode":"200"}},"operationName":"o","requestModels":{"application/json":"Empty"},"requestParameters":{"method.request.querystring.q":true}}"#),
            ("", ("PATCH", "{pets}/methods/POST", patch("replace", "/apiKeyRequired", "no boolean")), r#"200 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"POST","methodIntegration":{"cacheKeyParameters":[],"cacheNamespace":"{resource}","httpMethod":"GET","integrationResponses":{"200":{"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"statusCode":"200"}},"passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.path.x":"method.request.querystring.q"},"timeoutInMillis":1000,"type":"HTTP_PROXY","uri":"https://example.com/{x}"},"methodResponses":{"200":{"responseModels":{"a/b":"Empty"},"responseParameters":{"method.response.header.a":true},"statusCode":"200"}},"operationName":"o","requestModels":{"application/json":"Empty"},"requestParameters":{"method.request.querystring.q":true}}"#),
            ("", ("PATCH", "{pets}/methods/POST", patch("replace", "/authorizerId", "ignored")), r#"200 {"apiKeyRequired":false,"authorizationType":"NONE","httpMethod":"POST","methodIntegration":{"cacheKeyParameters":[],"cacheNamespace":"{resource}","httpMethod":"GET","integrationResponses":{"200":{"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"statusCode":"200"}},"passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.path.x":"method.request.querystring.q"},"timeoutInMillis":1000,"type":"HTTP_PROXY","uri":"https://example.com/{x}"},"methodResponses":{"200":{"responseModels":{"a/b":"Empty"},"responseParameters":{"method.response.header.a":true},"statusCode":"200"}},"operationName":"o","requestModels":{"application/json":"Empty"},"requestParameters":{"method.request.querystring.q":true}}"#),
            ("", ("PATCH", "{pets}/methods/POST/integration", patch("replace", "/timeoutInMillis", "29000")), r#"200 {"cacheKeyParameters":[],"cacheNamespace":"{resource}","httpMethod":"GET","integrationResponses":{"200":{"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"statusCode":"200"}},"passthroughBehavior":"WHEN_NO_MATCH","requestParameters":{"integration.request.path.x":"method.request.querystring.q"},"timeoutInMillis":29000,"type":"HTTP_PROXY","uri":"https://example.com/{x}"}"#),
            ("", ("PATCH", "{pets}/methods/POST/responses/200", patch("remove", "/responseModels/a~1b", "")), r#"201 {"responseParameters":{"method.response.header.a":true},"statusCode":"200"}"#),
            ("", ("PATCH", "{pets}/methods/POST/integration/responses/200", patch("replace", "/selectionPattern", "4..")), r#"200 {"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"selectionPattern":"4..","statusCode":"200"}"#),
            ("", ("GET", "{pets}/methods/POST/integration/responses/200", NONE), r#"200 {"responseParameters":{"method.response.header.a":"'1'"},"responseTemplates":{"application/json":null},"selectionPattern":"4..","statusCode":"200"}"#),
            ("", ("DELETE", "{pets}/methods/POST/integration/responses/200", NONE), "204"),
            ("", ("DELETE", "{pets}/methods/POST/responses/200", NONE), "204"),
            ("", ("DELETE", "{pets}/methods/POST/integration", NONE), "204"),
            ("", ("DELETE", "{pets}/methods/POST", NONE), "204"),
        ])
        .await;
}

#[tokio::test]
async fn of_authorizers() {
    let mut scene = Scene::new().await;
    let token = json!({"name": "t", "type": "TOKEN", "authorizerUri": FUNCTION, "identitySource": "method.request.header.Auth"});
    let request = json!({
        "name": "r", "type": "REQUEST", "authorizerUri": FUNCTION, "authorizerResultTtlInSeconds": 0,
        "authorizerCredentials": "arn:aws:iam::000000000000:role/r",
    });
    scene
        .tell(&[
            ("token", ("POST", "{api}/authorizers", token), r#"201 {"authType":"custom","authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{token}","identitySource":"method.request.header.Auth","name":"t","type":"TOKEN"}"#),
            ("request", ("POST", "{api}/authorizers", request), r#"201 {"authType":"custom","authorizerCredentials":"arn:aws:iam::000000000000:role/r","authorizerResultTtlInSeconds":0,"authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{request}","name":"r","type":"REQUEST"}"#),
            ("", ("GET", "{api}/authorizers/{request}", NONE), r#"200 {"authType":"custom","authorizerCredentials":"arn:aws:iam::000000000000:role/r","authorizerResultTtlInSeconds":0,"authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{request}","name":"r","type":"REQUEST"}"#),
            ("", ("PATCH", "{api}/authorizers/{token}", patch("replace", "/authorizerResultTtlInSeconds", "60")), r#"200 {"authType":"custom","authorizerResultTtlInSeconds":60,"authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{token}","identitySource":"method.request.header.Auth","name":"t","type":"TOKEN"}"#),
            ("", ("PATCH", "{api}/authorizers/{token}", patch("replace", "/identityValidationExpression", "^x$")), r#"200 {"authType":"custom","authorizerResultTtlInSeconds":60,"authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{token}","identitySource":"method.request.header.Auth","identityValidationExpression":"^x$","name":"t","type":"TOKEN"}"#),
            ("", ("DELETE", "{api}/authorizers/{token}", NONE), "202"),
            ("", ("GET", "{api}/authorizers", NONE), r#"200 {"item":[{"authType":"custom","authorizerCredentials":"arn:aws:iam::000000000000:role/r","authorizerResultTtlInSeconds":0,"authorizerUri":"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:authorizer/invocations","id":"{request}","name":"r","type":"REQUEST"}]}"#),
        ])
        .await;
}

#[tokio::test]
async fn of_deployments_and_stages() {
    let mut scene = Scene::new().await;
    let stage = json!({
        "stageName": "dev", "deploymentId": "{deployment}", "description": "d", "variables": {"v": "1"},
        "documentationVersion": "1", "tracingEnabled": true, "cacheClusterEnabled": true, "cacheClusterSize": "0.5",
        "tags": {"t": "v"},
    });
    scene
        .tell(&[
            ("next", ("POST", "{api}/deployments", json!({"stageName": "prod", "description": "d"})), r#"201 {"createdDate":1795435200,"description":"d","id":"{next}"}"#),
            ("alone", ("POST", "{api}/deployments", json!({})), r#"201 {"createdDate":1795435200,"id":"{alone}"}"#),
            ("", ("GET", "{api}/deployments/{next}?embed=apisummary", NONE), r#"200 {"apiSummary":{"/pets":{"GET":{"apiKeyRequired":false,"authorizationType":"NONE"}}},"createdDate":1795435200,"description":"d","id":"{next}"}"#),
            ("", ("PATCH", "{api}/deployments/{next}", patch("replace", "/description", "e")), r#"200 {"createdDate":1795435200,"description":"e","id":"{next}"}"#),
            ("", ("POST", "{api}/stages", stage), r#"201 {"cacheClusterEnabled":true,"cacheClusterSize":"0.5","cacheClusterStatus":"AVAILABLE","createdDate":1795435200,"deploymentId":"{deployment}","description":"d","documentationVersion":"1","lastUpdatedDate":1795435200,"methodSettings":{},"stageName":"dev","tags":{"t":"v"},"tracingEnabled":true,"variables":{"v":"1"}}"#),
            ("", ("GET", "{api}/stages/prod", NONE), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{},"stageName":"prod","tracingEnabled":false}"#),
            ("", ("GET", "{api}/stages?deploymentId={deployment}", NONE), r#"200 {"item":[{"cacheClusterEnabled":true,"cacheClusterSize":"0.5","cacheClusterStatus":"AVAILABLE","createdDate":1795435200,"deploymentId":"{deployment}","description":"d","documentationVersion":"1","lastUpdatedDate":1795435200,"methodSettings":{},"stageName":"dev","tags":{"t":"v"},"tracingEnabled":true,"variables":{"v":"1"}}]}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("replace", "/*/*/throttling/rateLimit", "7")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":7.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("replace", "/~1pets/GET/logging/loglevel", "INFO")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":7.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"},"~1pets/GET":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"INFO","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":7.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("replace", "/*/*/throttling/rateLimit", "8")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":8.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"},"~1pets/GET":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"loggingLevel":"INFO","metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":7.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("remove", "/~1pets/GET", "")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":8.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("replace", "/variables/a", "1")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{next}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":8.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false,"variables":{"a":"1"}}"#),
            ("", ("PATCH", "{api}/stages/prod", patch("replace", "/deploymentId", "{alone}")), r#"200 {"cacheClusterEnabled":false,"cacheClusterStatus":"NOT_AVAILABLE","createdDate":1795435200,"deploymentId":"{alone}","lastUpdatedDate":1795435200,"methodSettings":{"*/*":{"cacheDataEncrypted":false,"cacheTtlInSeconds":300,"cachingEnabled":false,"dataTraceEnabled":false,"metricsEnabled":false,"requireAuthorizationForCacheControl":true,"throttlingBurstLimit":5000,"throttlingRateLimit":8.0,"unauthorizedCacheControlHeaderStrategy":"SUCCEED_WITH_RESPONSE_HEADER"}},"stageName":"prod","tracingEnabled":false,"variables":{"a":"1"}}"#),
            ("", ("DELETE", "{api}/stages/prod/cache/authorizers", NONE), "202"),
            ("", ("DELETE", "{api}/stages/prod/cache/data", NONE), "202"),
            ("", ("DELETE", "{api}/stages/prod", NONE), "202"),
            ("", ("DELETE", "{api}/deployments/{alone}", NONE), "202"),
        ])
        .await;
}

#[tokio::test]
async fn of_gateway_responses() {
    let mut scene = Scene::new().await;
    let default = json!({"statusCode": "418", "responseParameters": {"gatewayresponse.header.a": "'1'"}});
    scene
        .tell(&[
            ("", ("GET", "{api}/gatewayresponses/THROTTLED", NONE), r#"200 {"defaultResponse":true,"responseParameters":{},"responseTemplates":{"application/json":"{\"message\":$context.error.messageString}"},"responseType":"THROTTLED","statusCode":"429"}"#),
            ("", ("GET", "{api}/gatewayresponses/DEFAULT_4XX", NONE), r#"200 {"defaultResponse":true,"responseParameters":{},"responseTemplates":{"application/json":"{\"message\":$context.error.messageString}"},"responseType":"DEFAULT_4XX"}"#),
            ("", ("PUT", "{api}/gatewayresponses/DEFAULT_4XX", default), r#"201 {"defaultResponse":false,"responseParameters":{"gatewayresponse.header.a":"'1'"},"responseTemplates":{},"responseType":"DEFAULT_4XX","statusCode":"418"}"#),
            ("", ("GET", "{api}/gatewayresponses/THROTTLED", NONE), r#"200 {"defaultResponse":true,"responseParameters":{"gatewayresponse.header.a":"'1'"},"responseTemplates":{},"responseType":"THROTTLED","statusCode":"418"}"#),
            ("", ("PUT", "{api}/gatewayresponses/THROTTLED", json!({})), r#"201 {"defaultResponse":false,"responseParameters":{},"responseTemplates":{},"responseType":"THROTTLED","statusCode":"429"}"#),
            ("", ("PATCH", "{api}/gatewayresponses/THROTTLED", patch("add", "/responseTemplates/a~1b", "x")), r#"200 {"defaultResponse":false,"responseParameters":{},"responseTemplates":{"a/b":"x"},"responseType":"THROTTLED","statusCode":"429"}"#),
            ("", ("DELETE", "{api}/gatewayresponses/THROTTLED", NONE), "202"),
            ("", ("GET", "{api}/gatewayresponses/THROTTLED", NONE), r#"200 {"defaultResponse":true,"responseParameters":{"gatewayresponse.header.a":"'1'"},"responseTemplates":{},"responseType":"THROTTLED","statusCode":"418"}"#),
        ])
        .await;
}

#[tokio::test]
async fn of_account_models_validators_and_tags() {
    let mut scene = Scene::new().await;
    let arn = "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Frestapis%2F{id}%2Fstages%2Fprod";
    scene
        .tell(&[
            ("", ("GET", "/account", NONE), r#"200 {"apiKeyVersion":"4","features":["UsagePlans"],"throttleSettings":{"burstLimit":5000,"rateLimit":10000.0}}"#),
            ("", ("GET", "{api}/models/Empty", NONE), r#"200 {"contentType":"application/json","description":"This is a default empty schema model","id":"{random}","name":"Empty","schema":"{\n  \"$schema\": \"http://json-schema.org/draft-04/schema#\",\n  \"title\" : \"Empty Schema\",\n  \"type\" : \"object\"\n}"}"#),
            ("", ("POST", "{api}/models", json!({"name": "Pet", "contentType": "application/json", "schema": "{\"type\": \"object\"}"})), r#"201 {"contentType":"application/json","id":"{random}","name":"Pet","schema":"{\"type\": \"object\"}"}"#),
            ("", ("PATCH", "{api}/models/Pet", patch("replace", "/description", "d")), r#"200 {"contentType":"application/json","description":"d","id":"{random}","name":"Pet","schema":"{\"type\": \"object\"}"}"#),
            ("", ("DELETE", "{api}/models/Pet", NONE), "202"),
            ("validator", ("POST", "{api}/requestvalidators", json!({"name": "v", "validateRequestBody": true})), r#"201 {"id":"{validator}","name":"v","validateRequestBody":true,"validateRequestParameters":false}"#),
            ("", ("PATCH", "{api}/requestvalidators/{validator}", patch("replace", "/validateRequestParameters", "true")), r#"200 {"id":"{validator}","name":"v","validateRequestBody":true,"validateRequestParameters":true}"#),
            ("", ("GET", "{api}/requestvalidators", NONE), r#"200 {"item":[{"id":"{validator}","name":"v","validateRequestBody":true,"validateRequestParameters":true}]}"#),
            ("", ("DELETE", "{api}/requestvalidators/{validator}", NONE), "202"),
            ("", ("GET", arn, NONE), r#"200 {"tags":{}}"#),
            ("", ("PUT", arn, json!({"tags": {"t": "v"}})), "204"),
            ("", ("GET", arn, NONE), r#"200 {"tags":{"t":"v"}}"#),
            ("", ("DELETE", &format!("{arn}?tagKeys=t"), NONE), "204"),
            ("", ("GET", arn, NONE), r#"200 {"tags":{}}"#),
        ])
        .await;
}
