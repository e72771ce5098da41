//! A SAM template as it is deployed: references, functions and conditions are
//! resolved as CloudFormation would by given parameters. So a test gives a
//! function the environment, the tables and the policy that it has on AWS, and a
//! reference to nothing breaks the test.

mod resolve;
mod yaml;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::binaries;
use resolve::{Names, plain_text, typed};

/// Where stacks are.
pub const REGION: &str = "us-east-1";
/// Whose they are.
pub const ACCOUNT: &str = "000000000000";

/// What is deployed of a template.
#[derive(Debug)]
pub struct DeployedStack {
    resources: BTreeMap<String, Value>,
    /// What `Ref` gives, by resource.
    names: BTreeMap<String, String>,
    arns: BTreeMap<String, String>,
    variables_of_all: Value,
}

impl DeployedStack {
    /// The template in this file of the workspace, deployed as a stack of this
    /// name, by the defaults where `parameters` tell nothing.
    ///
    /// # Panics
    /// When it cannot be: it has no such parameter, or refers to what is not there.
    #[must_use]
    pub fn of(file: &str, stack: &str, parameters: &[(&str, &str)]) -> Self {
        let text = std::fs::read_to_string(binaries::workspace().join(file)).unwrap_or_default();
        Self::of_template(&yaml::read(&text), stack, parameters)
    }

    fn of_template(template: &Value, stack: &str, parameters: &[(&str, &str)]) -> Self {
        let none = Map::new();
        let declared = template["Parameters"].as_object().unwrap_or(&none);
        for (name, _) in parameters {
            assert!(declared.contains_key(*name), "the template has no parameter {name}");
        }
        let value_of = |name: &str, parameter: &Value| {
            let given = parameters.iter().find(|given| given.0 == name).map(|given| given.1.to_owned());
            typed(parameter, &given.unwrap_or_else(|| plain_text(&parameter["Default"])))
        };
        let values = declared.iter().map(|(name, parameter)| (name.clone(), value_of(name, parameter))).collect();
        let names = Names { template, stack, parameters: values };
        let mut deployed = Self {
            resources: BTreeMap::new(),
            names: BTreeMap::new(),
            arns: BTreeMap::new(),
            variables_of_all: names
                .resolved(&template["Globals"]["Function"]["Environment"]["Variables"])
                .unwrap_or_default(),
        };
        for (name, resource) in template["Resources"].as_object().into_iter().flatten() {
            if resource["Condition"].as_str().is_some_and(|condition| !names.holds(condition)) {
                continue;
            }
            deployed.resources.insert(name.clone(), names.resolved(resource).unwrap_or_default());
            deployed.names.insert(name.clone(), names.physical(name));
            deployed.arns.insert(name.clone(), names.attribute(name, "Arn"));
        }
        deployed
    }

    /// A resource: its type, its properties and what becomes of it.
    ///
    /// # Panics
    /// When it is not deployed.
    #[must_use]
    pub fn resource(&self, name: &str) -> &Value {
        self.resources.get(name).unwrap_or_else(|| panic!("there is no {name}"))
    }

    /// The properties of a resource.
    #[must_use]
    pub fn properties(&self, resource: &str) -> &Value {
        &self.resource(resource)["Properties"]
    }

    /// A resource's own name, a function's for example.
    #[must_use]
    pub fn name(&self, resource: &str) -> &str {
        self.names.get(resource).unwrap_or_else(|| panic!("there is no {resource}"))
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self, resource: &str) -> &str {
        self.arns.get(resource).unwrap_or_else(|| panic!("there is no {resource}"))
    }

    /// The resources of a type.
    #[must_use]
    pub fn of_type(&self, kind: &str) -> Vec<&str> {
        self.resources.iter().filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| name.as_str()).collect()
    }

    /// A table, as CreateTable takes it.
    #[must_use]
    pub fn create_table(&self, table: &str) -> Value {
        let mut request = json!({"TableName": self.name(table)});
        for member in ["AttributeDefinitions", "BillingMode", "GlobalSecondaryIndexes", "KeySchema"] {
            if let Some(value) = self.properties(table).get(member) {
                request[member] = value.clone();
            }
        }
        request
    }

    /// The binary that a function is built from.
    #[must_use]
    pub fn binary(&self, function: &str) -> &str {
        self.resource(function)["Metadata"]["BuildProperties"]["Binary"].as_str().unwrap_or_default()
    }

    /// The variables of a function's environment, with what it takes from secrets.
    #[must_use]
    pub fn environment(&self, function: &str) -> Vec<(String, String)> {
        let own = &self.properties(function)["Environment"]["Variables"];
        let all = [&self.variables_of_all, own].into_iter().filter_map(Value::as_object).flatten();
        let all: BTreeMap<_, _> =
            all.map(|(name, value)| (name.clone(), self.with_secrets(&plain_text(value)))).collect();
        all.into_iter().collect()
    }

    /// The paths that an API hands to functions, and the function of each.
    #[must_use]
    pub fn routes(&self, api: &str) -> Vec<(String, &str)> {
        let mut routes = Vec::new();
        for function in self.of_type("AWS::Serverless::Function") {
            for event in self.properties(function)["Events"].as_object().into_iter().flat_map(Map::values) {
                if event["Type"] == "Api" && event["Properties"]["RestApiId"] == self.name(api) {
                    routes.push((plain_text(&event["Properties"]["Path"]), function));
                }
            }
        }
        routes
    }

    /// What a function's role may do: the policy documents' statements.
    ///
    /// # Panics
    /// When it has no role of the template's.
    #[must_use]
    pub fn statements(&self, function: &str) -> Vec<Value> {
        let role = &self.properties(function)["Role"];
        let is_its = |name: &&str| *role == self.arn(name);
        let roles = self.of_type("AWS::IAM::Role");
        let role = roles.into_iter().find(is_its).unwrap_or_else(|| panic!("{function} has no role"));
        let policies = self.properties(role)["Policies"].as_array().into_iter().flatten();
        policies.flat_map(|policy| statements(&policy["PolicyDocument"])).collect()
    }

    /// `{{resolve:secretsmanager:{ARN}:SecretString:{member}:{stage}:{version}}}`
    /// is the member of that secret.
    fn with_secrets(&self, text: &str) -> String {
        const BEGINNING: &str = "{{resolve:secretsmanager:";
        let mut parts = text.split(BEGINNING);
        let mut resolved = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (reference, rest) = part.split_once("}}").unwrap_or_else(|| panic!("a reference has no end: {text}"));
            let (secret, member) = reference.split_once(":SecretString:").unwrap_or_default();
            let member = member.split(':').next().unwrap_or_default();
            let secrets = self.of_type("AWS::SecretsManager::Secret");
            let secret = secrets.into_iter().find(|name| self.arn(name) == secret);
            let secret = secret.unwrap_or_else(|| panic!("no secret of the template's: {text}"));
            resolved = resolved + &plain_text(&self.secret(secret)[member]) + rest;
        }
        resolved
    }

    /// What is in a secret: where it is generated, the letter `s` as often as it has
    /// characters.
    ///
    /// # Panics
    /// When its template is no JSON.
    #[must_use]
    pub fn secret(&self, name: &str) -> Value {
        let generated = &self.properties(name)["GenerateSecretString"];
        let mut secret: Value =
            serde_json::from_str(&plain_text(&generated["SecretStringTemplate"])).expect("a secret's template is JSON");
        let length = generated["PasswordLength"].as_u64().unwrap_or(32);
        secret[plain_text(&generated["GenerateStringKey"])] =
            "s".repeat(usize::try_from(length).unwrap_or_default()).into();
        secret
    }
}

/// The statements of a policy document.
#[must_use]
pub fn statements(document: &Value) -> Vec<Value> {
    document["Statement"].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Ttl: {Type: Number, Default: 5}
  Others: {Type: CommaDelimitedList, Default: ""}
Conditions:
  HasOthers: !Not [!Equals [!Join ["", !Ref Others], ""]]
Globals: {Function: {Environment: {Variables: {TABLE: !Ref Table}}}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {GenerateSecretString: {SecretStringTemplate: '{"id": "i"}', GenerateStringKey: key, PasswordLength: 2}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - {Action: a:B, Resource: !Sub "${Table.Arn}/index/*"}
              - !If [HasOthers, {Action: c:D, Resource: !Ref Others}, !Ref AWS::NoValue]
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt Role.Arn
      Environment:
        Variables:
          TTL: !Ref Ttl
          KEY: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:id::}}:{{resolve:secretsmanager:${Secret}:SecretString:key::}}"
  Other: {Type: A::B, Condition: HasOthers}
"#;

    fn deployed(parameters: &[(&str, &str)]) -> DeployedStack {
        DeployedStack::of_template(&yaml::read(TEMPLATE), "s", parameters)
    }

    #[test]
    fn a_functions_environment_is_all_that_the_template_gives_it() {
        let pairs = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = deployed(&[("Ttl", "0")]).environment("Function");
        let table = "s-Table-1ABCDEFGHIJKL";
        assert_eq!(environment, [pairs("KEY", "i:ss"), pairs("TABLE", table), pairs("TTL", "0")]);
    }

    #[test]
    fn statements_of_conditions_that_do_not_hold_are_left_out() {
        let table = json!({"Action": "a:B", "Resource":
            "arn:aws:dynamodb:us-east-1:000000000000:table/s-Table-1ABCDEFGHIJKL/index/*"});
        let others = json!({"Action": "c:D", "Resource": ["x", "y"]});
        let with_others = deployed(&[("Others", "x,y")]);
        assert_eq!(with_others.statements("Function"), [table.clone(), others]);
        assert_eq!(deployed(&[]).statements("Function"), [table]);
        assert_eq!((with_others.of_type("A::B"), deployed(&[]).of_type("A::B")), (vec!["Other"], vec![]));
    }
}
