//! The tables of `template.yaml` are those of the code. What else no linter
//! tells of the template is asked by `checks/template.py`.

use std::collections::BTreeSet;

use keyplan_store::tables::{CONFIG, Definition, USAGE};
use keyplan_tests::DeployedStack;
use serde_json::{Value, json};

const TABLE: &str = "AWS::DynamoDB::Table";

fn template() -> DeployedStack {
    DeployedStack::of("template.yaml", "keyplan", &[])
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Hash key, then range key.
fn key_schema(schema: &Value) -> Vec<(&str, &str)> {
    list(schema).map(|key| (text(&key["KeyType"]), text(&key["AttributeName"]))).collect()
}

fn assert_defined_as(name: &str, table: &Value, definition: Definition) {
    let schema = |[hash, range]: [&'static str; 2]| vec![("HASH", hash), ("RANGE", range)];
    assert_eq!(key_schema(&table["KeySchema"]), schema(definition.key), "{name}");

    let indexes: Vec<_> = list(&table["GlobalSecondaryIndexes"]).collect();
    assert_eq!(indexes.len(), usize::from(definition.index.is_some()), "{name}");
    let mut keys = BTreeSet::from(definition.key);
    for (index, wanted) in indexes.into_iter().zip(definition.index) {
        assert_eq!(index["IndexName"], wanted.name, "{name}");
        assert_eq!(key_schema(&index["KeySchema"]), schema(wanted.key), "{name}");
        let projection = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": wanted.projects});
        assert_eq!(index["Projection"], projection, "{name}");
        keys.extend(wanted.key);
    }

    let attributes = list(&table["AttributeDefinitions"]);
    let attributes: BTreeSet<_> =
        attributes.map(|attribute| (text(&attribute["AttributeName"]), text(&attribute["AttributeType"]))).collect();
    assert_eq!(attributes, keys.into_iter().map(|key| (key, "S")).collect(), "{name}");

    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{name}");
    let ttl = json!({"AttributeName": definition.ttl, "Enabled": true});
    assert_eq!(table["TimeToLiveSpecification"], ttl, "{name}");
}

#[test]
fn the_tables_are_those_that_the_store_makes_where_there_is_no_template() {
    let template = template();
    let tables = template.of_type(TABLE);
    assert_eq!(tables, ["ConfigTable", "UsageTable"]);
    for (name, definition) in tables.into_iter().zip([CONFIG, USAGE]) {
        assert_defined_as(name, template.properties(name), definition);
    }
}

#[test]
fn the_tables_outlive_the_stack_and_can_be_restored() {
    let template = template();
    for name in template.of_type(TABLE) {
        let (table, properties) = (template.resource(name), template.properties(name));
        assert_eq!(properties["DeletionProtectionEnabled"], true, "{name}");
        assert_eq!(properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{name}");
        assert_eq!(
            (&table["DeletionPolicy"], &table["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain")),
            "{name}"
        );
    }
}
