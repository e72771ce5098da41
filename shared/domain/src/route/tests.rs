use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A table in which each method's value is its own `VERB path`.
fn table(methods: &[(&str, &str)]) -> RouteTable<String> {
    let methods = methods.iter().map(|(verb, path)| (*path, *verb, format!("{verb} {path}")));
    RouteTable::compile(methods).unwrap()
}

fn served(table: &RouteTable<String>, verb: &str, path: &str) -> Option<String> {
    table.lookup(path, verb).map(|found| found.value.clone())
}

fn refusal(methods: &[(&str, &str)]) -> InvalidRoutes {
    RouteTable::compile(methods.iter().map(|(verb, path)| (*path, *verb, ()))).unwrap_err()
}

#[test]
fn a_static_segment_beats_a_variable_which_beats_a_greedy_one() {
    let table = table(&[("GET", "/{proxy+}"), ("GET", "/pets/{petId}"), ("GET", "/pets/mine")]);
    assert_eq!(served(&table, "GET", "/pets/mine").as_deref(), Some("GET /pets/mine"));
    assert_eq!(served(&table, "GET", "/pets/7").as_deref(), Some("GET /pets/{petId}"));
    assert_eq!(served(&table, "GET", "/pets/7/toys").as_deref(), Some("GET /{proxy+}"));
    assert_eq!(served(&table, "GET", "/pets").as_deref(), Some("GET /{proxy+}"));
}

#[test]
fn an_exact_verb_beats_any() {
    let table = table(&[("ANY", "/pets"), ("GET", "/pets")]);
    assert_eq!(served(&table, "GET", "/pets").as_deref(), Some("GET /pets"));
    assert_eq!(served(&table, "POST", "/pets").as_deref(), Some("ANY /pets"));
}

/// As recorded from API Gateway with these three methods.
#[test]
fn a_resource_without_the_verb_leaves_the_request_to_another() {
    let table = table(&[("POST", "/test"), ("ANY", "/test/any"), ("OPTIONS", "/{proxy+}")]);
    assert_eq!(served(&table, "OPTIONS", "/test").as_deref(), Some("OPTIONS /{proxy+}"));
    assert_eq!(served(&table, "POST", "/test").as_deref(), Some("POST /test"));
    assert_eq!(served(&table, "OPTIONS", "/test/any").as_deref(), Some("ANY /test/any"));
    assert_eq!(served(&table, "GET", "/test/any").as_deref(), Some("ANY /test/any"));
    assert_eq!(served(&table, "GET", "/test"), None);
}

#[test]
fn an_unknown_path_and_an_unknown_verb_are_both_no_route() {
    let table = table(&[("GET", "/pets"), ("ANY", "/toys")]);
    for (verb, path) in [
        ("POST", "/pets"),
        ("GET", "/pet"),
        ("GET", "/pets/1"),
        ("GET", "/Pets"),
        ("GET", "/"),
        ("get", "/pets"),
        ("ANY", "/toys"),
        ("TRACE", "/toys"),
        ("", "/toys"),
        ("GET", "pets"),
        ("OPTIONS", "*"),
    ] {
        assert_eq!(served(&table, verb, path), None, "{verb} {path}");
    }
}

#[test]
fn head_and_options_are_ordinary_verbs() {
    let table = table(&[("GET", "/pets"), ("HEAD", "/toys"), ("OPTIONS", "/toys")]);
    assert_eq!(served(&table, "HEAD", "/pets"), None);
    assert_eq!(served(&table, "HEAD", "/toys").as_deref(), Some("HEAD /toys"));
    assert_eq!(served(&table, "OPTIONS", "/toys").as_deref(), Some("OPTIONS /toys"));
}

#[test]
fn the_root_is_a_resource_that_no_greedy_variable_covers() {
    let greedy = table(&[("GET", "/{proxy+}")]);
    assert_eq!(served(&greedy, "GET", "/"), None);
    let both = table(&[("GET", "/"), ("GET", "/{proxy+}")]);
    for path in ["/", "", "//"] {
        assert_eq!(served(&both, "GET", path).as_deref(), Some("GET /"), "{path:?}");
    }
}

#[test]
fn a_greedy_variable_takes_at_least_one_segment() {
    let table = table(&[("GET", "/files/{proxy+}")]);
    assert_eq!(served(&table, "GET", "/files"), None);
    assert_eq!(served(&table, "GET", "/files/"), None);
    let found = table.lookup("/files/a/b%2Fc", "GET").unwrap();
    assert_eq!(found.path_parameters, BTreeMap::from([("proxy", "a/b%2Fc")]));
}

/// Paths and parameters as recorded from API Gateway.
#[test]
fn slashes_at_the_end_and_doubled_ones_in_front_are_not_routed() {
    let table = table(&[("GET", "/hardcoded"), ("GET", "/{proxy+}")]);
    let found = table.lookup("/test-path/", "GET").unwrap();
    assert_eq!((found.path, found.path_parameters["proxy"]), ("/test-path", "test-path"));
    assert_eq!(table.lookup("//hardcoded/", "GET").unwrap().resource_path, "/hardcoded");
    assert_eq!(table.lookup("//hardcoded", "GET").unwrap().path, "/hardcoded");
}

#[test]
fn path_parameters_stay_as_they_were_sent() {
    let table = table(&[("GET", "/users/{userId}/pets/{pet-id}")]);
    let found = table.lookup("/users/test%2Balias@gmail.com/pets/a+b:c", "GET").unwrap();
    assert_eq!(found.resource_path, "/users/{userId}/pets/{pet-id}");
    assert_eq!(found.path_parameters, BTreeMap::from([("userId", "test%2Balias@gmail.com"), ("pet-id", "a+b:c")]));
}

#[test]
fn a_variable_takes_no_empty_segment() {
    let table = table(&[("GET", "/users/{userId}/pets")]);
    assert_eq!(served(&table, "GET", "/users//pets"), None);
}

#[test]
fn a_dead_end_among_static_segments_is_left_for_the_variable() {
    let table = table(&[("GET", "/a/b/c"), ("GET", "/a/{x}/d"), ("GET", "/{y}/b/e")]);
    assert_eq!(served(&table, "GET", "/a/b/d").as_deref(), Some("GET /a/{x}/d"));
    assert_eq!(served(&table, "GET", "/a/b/e").as_deref(), Some("GET /{y}/b/e"));
}

#[test]
fn an_empty_table_has_no_route() {
    assert_eq!(served(&table(&[]), "GET", "/"), None);
}

#[test]
fn a_path_that_no_resource_can_have_is_refused() {
    let many = (0..=MAX_VARIABLES).map(|n| format!("/{{v{n}}}")).collect::<String>();
    for path in [
        "",
        "pets",
        "/pets/",
        "//pets",
        "/pets//toys",
        "/{}",
        "/{+}",
        "/{a",
        "/a}",
        "/x{a}",
        "/{a}x",
        "/{a{b}}",
        "/{a}{b}",
        "/{*a}",
        "/{a+b}",
        "/{a++}",
        "/{proxy+}/more",
        many.as_str(),
    ] {
        assert_eq!(refusal(&[("GET", path)]), InvalidRoutes::Path { path: path.into() }, "{path}");
    }
}

#[test]
fn as_many_variables_as_are_allowed_are_told_apart() {
    let path = (0..MAX_VARIABLES).map(|n| format!("/{{v{n}}}")).collect::<String>() + "/{proxy+}";
    let table = table(&[("GET", &path)]);
    assert_eq!(table.lookup(&"/x".repeat(30), "GET").unwrap().path_parameters.len(), MAX_VARIABLES + 1);
}

#[test]
fn an_unknown_verb_is_refused() {
    for verb in ["get", "TRACE", "*", ""] {
        let expected = InvalidRoutes::Verb { path: "/pets".into(), verb: verb.into() };
        assert_eq!(refusal(&[(verb, "/pets")]), expected);
    }
}

#[test]
fn two_methods_for_the_same_requests_are_refused() {
    for (first, second) in [
        (("GET", "/pets"), ("GET", "/pets")),
        (("ANY", "/pets"), ("ANY", "/pets")),
        (("GET", "/{a}"), ("GET", "/{b}")),
        (("GET", "/{a}"), ("GET", "/{b+}")),
        (("ANY", "/{a}"), ("PUT", "/{b}")),
    ] {
        let refusal = refusal(&[first, second]);
        assert!(matches!(refusal, InvalidRoutes::Conflict { .. }), "{refusal:?}");
    }
}

/// A resource's path out of `a`, `b` and a variable a segment. What kind of
/// variable a resource's child is depends on the resource, since API Gateway
/// allows only one.
fn resource_path(choices: &[u8]) -> String {
    let mut path = String::new();
    for (depth, choice) in choices.iter().enumerate() {
        match choice {
            0 => path.push_str("/a"),
            1 => path.push_str("/b"),
            _ if choices[..depth].iter().sum::<u8>() % 3 == 1 => return path + "/{rest+}",
            _ => path.push_str(&format!("/{{v{depth}}}")),
        }
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Static,
    Variable,
    Greedy,
}

/// The rank of each segment and the parameters, if the resource serves `path`.
fn naive_match(resource: &str, path: &[&str]) -> Option<(Vec<Rank>, BTreeMap<String, String>)> {
    let mut ranks = Vec::new();
    let mut parameters = BTreeMap::new();
    let mut left = path.to_vec();
    for segment in resource.split('/').skip(1).filter(|segment| !segment.is_empty()) {
        if left.is_empty() {
            return None;
        }
        if let Some(name) = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix("+}")) {
            ranks.push(Rank::Greedy);
            parameters.insert(name.to_owned(), left.join("/"));
            left.clear();
        } else if segment.starts_with('{') {
            ranks.push(Rank::Variable);
            parameters.insert(segment.trim_matches(['{', '}']).to_owned(), left.remove(0).to_owned());
        } else {
            ranks.push(Rank::Static);
            if left.remove(0) != segment {
                return None;
            }
        }
    }
    left.is_empty().then_some((ranks, parameters))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_method_found_is_the_first_in_precedence(
        methods in prop::collection::vec(
            (prop::collection::vec(0..3u8, 0..5), prop::sample::select(vec!["GET", "PUT", "ANY"])),
            0..16,
        ),
        segments in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 0..6),
        verb in prop::sample::select(vec!["GET", "PUT", "POST"]),
        slash_after: bool,
    ) {
        let methods: BTreeSet<(String, &str)> =
            methods.iter().map(|(choices, verb)| (resource_path(choices), *verb)).collect();
        let table = RouteTable::compile(
            methods.iter().map(|(path, verb)| (path.as_str(), *verb, (path.clone(), *verb))),
        ).unwrap();
        let path = format!("/{}{}", segments.join("/"), if slash_after { "/" } else { "" });

        let expected = methods
            .iter()
            .filter(|(_, served)| *served == verb || *served == ANY)
            .filter_map(|method| naive_match(&method.0, &segments).map(|matched| (matched, method)))
            .min_by_key(|((ranks, _), method)| (ranks.clone(), method.1 == ANY))
            .map(|((_, parameters), method)| (method.clone(), parameters));
        let found = table.lookup(&path, verb).map(|found| {
            let owned = |(name, value): (&&str, &&str)| ((*name).to_owned(), (*value).to_owned());
            (found.value.clone(), found.path_parameters.iter().map(owned).collect())
        });
        prop_assert_eq!(found, expected);
    }
}
