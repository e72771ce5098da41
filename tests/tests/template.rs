//! The tables of `template.yaml` are those of the code. What else no linter
//! tells of the template is asked by `checks/template.py`.

use std::collections::BTreeSet;

use keyplan_store::tables::{CONFIG, Definition, USAGE};
use keyplan_tests::binaries;
use yaml_rust2::{Yaml, YamlLoader};

/// The template's resources; of an intrinsic function such as `!Ref X` the
/// loader keeps its argument.
fn resources() -> Yaml {
    let text = std::fs::read_to_string(binaries::workspace().join("template.yaml")).unwrap_or_default();
    let documents = YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("template.yaml: {error}"));
    documents.first().map(|template| template["Resources"].clone()).unwrap_or(Yaml::Null)
}

fn of_type<'a>(resources: &'a Yaml, kind: &str) -> Vec<(&'a str, &'a Yaml)> {
    let all = resources.as_hash().into_iter().flatten();
    all.filter(|(_, resource)| resource["Type"].as_str() == Some(kind))
        .filter_map(|(name, resource)| Some((name.as_str()?, &resource["Properties"])))
        .collect()
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str().unwrap_or_default()
}

/// Hash key, then range key.
fn key_schema(schema: &Yaml) -> Vec<(&str, &str)> {
    let keys = schema.as_vec().into_iter().flatten();
    keys.map(|key| (text(&key["KeyType"]), text(&key["AttributeName"]))).collect()
}

fn assert_defined_as(name: &str, table: &Yaml, definition: Definition) {
    let schema = |[hash, range]: [&'static str; 2]| vec![("HASH", hash), ("RANGE", range)];
    assert_eq!(key_schema(&table["KeySchema"]), schema(definition.key), "{name}");

    let indexes = table["GlobalSecondaryIndexes"].as_vec().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(indexes.len(), usize::from(definition.index.is_some()), "{name}");
    let mut keys = BTreeSet::from(definition.key);
    for (index, wanted) in indexes.iter().zip(definition.index) {
        assert_eq!(text(&index["IndexName"]), wanted.name, "{name}");
        assert_eq!(key_schema(&index["KeySchema"]), schema(wanted.key), "{name}");
        let projection = &index["Projection"];
        assert_eq!(text(&projection["ProjectionType"]), "INCLUDE", "{name}");
        let projected: Vec<&str> = projection["NonKeyAttributes"].as_vec().into_iter().flatten().map(text).collect();
        assert_eq!(projected, wanted.projects, "{name}");
        keys.extend(wanted.key);
    }

    let attributes = table["AttributeDefinitions"].as_vec().into_iter().flatten();
    let attributes: BTreeSet<_> =
        attributes.map(|attribute| (text(&attribute["AttributeName"]), text(&attribute["AttributeType"]))).collect();
    assert_eq!(attributes, keys.into_iter().map(|key| (key, "S")).collect(), "{name}");

    assert_eq!(text(&table["BillingMode"]), "PAY_PER_REQUEST", "{name}");
    let ttl = &table["TimeToLiveSpecification"];
    assert_eq!((text(&ttl["AttributeName"]), ttl["Enabled"].as_bool()), (definition.ttl, Some(true)), "{name}");
}

#[test]
fn the_tables_are_those_that_the_store_makes_where_there_is_no_template() {
    let resources = resources();
    let tables = of_type(&resources, "AWS::DynamoDB::Table");
    let names: Vec<&str> = tables.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["ConfigTable", "UsageTable"]);
    for ((name, table), definition) in tables.into_iter().zip([CONFIG, USAGE]) {
        assert_defined_as(name, table, definition);
    }
}

#[test]
fn the_tables_outlive_the_stack_and_can_be_restored() {
    let resources = resources();
    for (name, table) in of_type(&resources, "AWS::DynamoDB::Table") {
        assert_eq!(table["DeletionProtectionEnabled"].as_bool(), Some(true), "{name}");
        let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
        assert_eq!(recovery.as_bool(), Some(true), "{name}");
        assert_eq!(text(&resources[name]["DeletionPolicy"]), "Retain", "{name}");
        assert_eq!(text(&resources[name]["UpdateReplacePolicy"]), "Retain", "{name}");
    }
}
