use proptest::prelude::*;

use super::*;

const VALUE: &str = "apikey1234abcdefghij0123456789";

fn keys(file: &str) -> Vec<(usize, ImportedKey)> {
    let rows = read(file.as_bytes()).unwrap();
    rows.into_iter().map(|row| (row.line, row.key.unwrap())).collect()
}

fn key(file: &str) -> ImportedKey {
    let [(_, key)] = keys(file).try_into().unwrap();
    key
}

fn invalid(file: &str) -> InvalidRow {
    let rows = read(file.as_bytes()).unwrap();
    rows.into_iter().find_map(|row| row.key.err()).unwrap()
}

fn ids(key: &ImportedKey) -> Vec<&str> {
    key.usage_plan_ids.iter().map(UsagePlanId::as_str).collect()
}

#[test]
fn the_guides_files_are_read() {
    let first = key(&format!("Key,name\n{VALUE},MyFirstApiKey\n"));
    assert_eq!((first.name.as_deref(), first.value.expose()), (Some("MyFirstApiKey"), VALUE));
    assert_eq!((first.description.as_deref(), first.enabled, ids(&first)), (None, true, vec![]));

    let more =
        key(&format!("Name,key,description,Enabled,usageplanIds\nMyFirstApiKey,{VALUE},An imported key,TRUE,c7y23b\n"));
    assert_eq!(
        (more.description.as_deref(), more.enabled, ids(&more)),
        (Some("An imported key"), true, vec!["c7y23b"])
    );

    for quote in ['"', '\''] {
        let two =
            key(&format!("Enabled,Name,key,UsageplanIds\ntrue,MyFirstApiKey,{VALUE},{quote}c7y23b,glvrsr{quote}\n"));
        assert_eq!(ids(&two), ["c7y23b", "glvrsr"]);
    }
}

#[test]
fn columns_come_in_any_case_and_order_and_unknown_ones_are_ignored() {
    let read = key(&format!("x,ENABLED, usagePLANids ,KEY,y,nAmE\r\n1,False,'a, b',{VALUE},2,\"n, \"\"m\"\"\"\r\n"));
    assert_eq!((read.enabled, ids(&read), read.name.as_deref()), (false, vec!["a", "b"], Some("n, \"m\"")));
    assert_eq!(read.value.expose(), VALUE);
    let marked = key(&format!("\u{feff}name,key\nn,  {VALUE} "));
    assert_eq!((marked.name.as_deref(), marked.value.expose()), (Some("n"), VALUE));
}

#[test]
fn what_a_row_leaves_out_has_its_default() {
    let short = key(&format!("key,name,description,enabled,usagePlanIds\n{VALUE}"));
    assert_eq!((short.name, short.description, short.enabled), (None, None, true));
    assert!(short.usage_plan_ids.is_empty());
    let empty = key(&format!("key,name,description,enabled,usagePlanIds\n{VALUE},,, ,\" , \""));
    assert_eq!((empty.name, empty.description, empty.enabled), (None, None, true));
    assert!(empty.usage_plan_ids.is_empty());
}

#[test]
fn a_plan_is_named_once() {
    let twice = key(&format!("name,key,usagePlanIds\nn,{VALUE},\"a,b,,a\""));
    assert_eq!(ids(&twice), ["a", "b"]);
    let many = |count: usize| (0..count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(ids(&key(&format!("name,key,usagePlanIds\nn,{VALUE},\"{}\"", many(10)))).len(), 10);
    assert_eq!(invalid(&format!("name,key,usagePlanIds\nn,{VALUE},\"{}\"", many(11))), InvalidRow::TooManyPlans);
}

#[test]
fn a_bad_row_is_told_by_its_line_and_leaves_the_others() {
    let file = format!(
        "\nname,key,enabled\r\n\"a\nb\",{VALUE},\r\n\r\nshort,key\r\nlong,{},\r\nc,{VALUE},maybe\r\nd,{VALUE},,\r\ne,{VALUE}",
        "x".repeat(129)
    );
    let told: Vec<_> = read(file.as_bytes()).unwrap().into_iter().map(|row| (row.line, row.key.err())).collect();
    assert_eq!(
        told,
        [
            (3, None),
            (6, Some(InvalidRow::Value(InvalidKeyValue::TooShort))),
            (7, Some(InvalidRow::Value(InvalidKeyValue::TooLong))),
            (8, Some(InvalidRow::Enabled)),
            (9, Some(InvalidRow::TooManyFields)),
            (10, None),
        ]
    );
    assert_eq!(invalid(&format!("name,key,usagePlanIds\nn,{VALUE},'a,b")), InvalidRow::OpenQuote);
    assert_eq!(invalid(&format!("name,key,usagePlanIds\nn,{VALUE},a,b")), InvalidRow::TooManyFields);
    let latin = [b"name,key\n\xe9,", VALUE.as_bytes()].concat();
    assert_eq!(read(&latin).unwrap()[0].key, Err(InvalidRow::NotUtf8));
}

#[test]
fn lines_end_as_on_any_system() {
    for end in ["\n", "\r\n", "\r"] {
        let file = ["name,key".to_owned(), format!("a,{VALUE}"), String::new(), format!("b,{VALUE}")].join(end);
        let lines: Vec<_> = keys(&file).into_iter().map(|(line, key)| (line, key.name.unwrap())).collect();
        assert_eq!(lines, [(2, "a".to_owned()), (4, "b".to_owned())], "{end:?}");
    }
}

#[test]
fn a_file_without_what_it_must_have_is_none() {
    let refusal = |file: &str| read(file.as_bytes()).unwrap_err();
    for empty in ["", " \r\n", "\u{feff}"] {
        assert_eq!(refusal(empty), InvalidKeyFile::Empty);
    }
    assert_eq!(refusal("key\nx"), InvalidKeyFile::NoColumn(Column::Name));
    assert_eq!(refusal("name,value\nn,x").to_string(), "The API Key file has no column Key");
    assert_eq!(refusal("name,key,KEY"), InvalidKeyFile::ColumnTwice(Column::Key));
    assert_eq!(read(b"name,key"), Ok(vec![]));
}

#[test]
fn a_quote_that_is_not_closed_takes_no_rows_with_it_unsaid() {
    let file = format!("name,key\na,{VALUE}\n\"b,{VALUE}\nc,{VALUE}\n");
    assert_eq!(read(file.as_bytes()), Err(InvalidKeyFile::OpenQuote { line: 3 }));
    assert_eq!(read(b"\"name,key"), Err(InvalidKeyFile::OpenQuote { line: 1 }));
    let apostrophe = key(&format!("name,key\n'tis 5\",{VALUE}"));
    assert_eq!(apostrophe.name.as_deref(), Some("'tis 5\""));
    let last = keys(&format!("name,key\na,{VALUE}\nend,{VALUE}\n"));
    assert_eq!(last.len(), 2);
}

#[test]
fn a_file_has_at_most_10_000_rows() {
    let file = |rows: usize| format!("name,key{}", format!("\nn,{VALUE}").repeat(rows));
    assert_eq!(keys(&file(MAX_ROWS)).len(), MAX_ROWS);
    assert_eq!(read(file(MAX_ROWS + 1).as_bytes()), Err(InvalidKeyFile::TooManyRows));
    assert_eq!(read(file(MAX_ROWS + 5).as_bytes()), Err(InvalidKeyFile::TooManyRows));
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
    }

    /// What looks like a file gets further than bytes do.
    #[test]
    fn anything_below_the_columns_is_rows_or_an_error(rows in "[a-c'\", \t\r\n\u{e9}]{0,200}") {
        let file = format!("usagePlanIds,name,key,enabled\n{rows}");
        if let Ok(read) = read(file.as_bytes()) {
            prop_assert!(read.is_sorted_by(|a, b| a.line < b.line));
            prop_assert!(read.iter().all(|row| row.line >= 2 && row.line <= file.len() + 1));
        }
    }

    #[test]
    fn what_is_quoted_is_read_as_it_was(
        names in prop::collection::vec("\\PC{0,20}[\"',\r\n]{0,3}", 1..8),
        value in "[!-~]{20,128}",
        ids in prop::collection::btree_set("[a-z0-9]{6}", 0..10),
    ) {
        let ids: Vec<_> = ids.into_iter().collect();
        let rows = names.iter().map(|name| [&value, name, &ids.join(",")].map(|field| quoted(field)).join(","));
        let file = format!("key,name,usagePlanIds\n{}", rows.collect::<Vec<_>>().join("\n"));
        let read = keys(&file);
        prop_assert_eq!(read.len(), names.len());
        for ((_, key), name) in read.iter().zip(&names) {
            prop_assert_eq!(key.name.as_deref().unwrap_or_default(), name);
            prop_assert_eq!(key.value.expose(), &value);
            prop_assert_eq!(key.usage_plan_ids.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ids.clone());
        }
    }
}
