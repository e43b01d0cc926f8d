//! Lists that are asked in the app's own language: what is sent, whose pages they are, and what it costs.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    door::{Door, LIMITS},
    odd_app::{Asked, OddApp, told},
};

const MAPPING: &str = r#"
mapping: 1
languages:
  tree:
    eq: { is: { "{{name}}": { _eq: $.value } }, matches: exactly }
    and: { _and: $.all }
  rows:
    filter: $.all
    eq: { is: { col: "{{name}}", opr: eq, value: $.value }, matches: exactly }
    co: { is: { col: "{{name}}", opr: ct, value: $.value } }
  suffixes:
    together: true
    eq: { query: { "{{name}}": $.value }, matches: exactly }
    sw: { query: { "{{name}}__istartswith": $.value }, headers: { X-Slow: "yes" } }
  heads:
    eq: { query: { by: "{{name}}" }, headers: { X-Is: $.value }, matches: exactly }
  graph:
    like: odata
    can: [eq, sw, and]
    ew: { is: "endsWith({{name}},{{odata value}})", headers: { ConsistencyLevel: eventual }, query: { $count: "true" } }
app: { rest: { url: '${ACME_URL}' } }
resources:
  User:
    id: $.id
    attributes:
      userName: { at: $.login, access: [read] }
      title: { at: $.job.title, access: [read] }
      active: { at: $.active, access: [read] }
      externalId: { at: $.ext, access: [read] }
    get: GET /users/{{id}}
    list:
      call: GET /users?page={{page}}&n={{size}}
      query: { QUERY }
      rows: $.rows
      pages: { by: page, max: 100, total: $.total }
      filters: { case: any, FILTERS }
"#;

/// The filters, what stands in the call for them, and what is then sent, decoded.
async fn sends(query: &str, filters: &str, asked: &[(&str, &[&str])]) {
    let (app, url) = OddApp::start(|_| told(200, &json!({"rows": [], "total": 0}))).await;
    let door = Door::over_text(&MAPPING.replace("QUERY", query).replace("FILTERS", filters), &url, LIMITS).await;
    for (filter, calls) in asked {
        door.find("/Users", filter).await.is(200);
        let sent: Vec<String> =
            app.calls().iter().map(|c| percent_decode_str(c).decode_utf8().unwrap().into_owned()).collect();
        let expected: Vec<String> = calls.iter().map(|call| format!("GET /users?page=1&n=100{call}")).collect();
        assert_eq!(sent, expected, "{filter}");
    }
}

#[tokio::test]
async fn odata_is_asked_as_far_as_it_may_be() {
    sends(
        "$filter: $.filter",
        "language: odata, matches: exactly",
        &[
            ("userName eq \"a'n\"", &["&$filter=login eq 'a''n'"]),
            ("userName eq \"ann\" and active eq true", &["&$filter=(login eq 'ann' and active eq true)"]),
            (
                "title sw \"x\" or userName co \"ann\"",
                &["&$filter=(startswith(job/title,'x') or contains(login,'ann'))"],
            ),
            ("not (active eq false)", &["&$filter=not (active eq false)"]),
            // what cannot be said of it is checked here
            ("userName gt \"a\" and active eq true", &["&$filter=active eq true"]),
            ("userName gt \"a\" or active eq true", &[""]),
            ("title pr", &["&$filter=job/title ne null"]),
            // a query holds no tab
            ("userName eq \"nobody\\t\"", &[""]),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_a_language_cannot_is_never_sent() {
    let calls: &[(&str, &[&str])] = &[
        ("userName eq \"ann\" and active eq true", &["&$filter=(login eq 'ann' and active eq true)"]),
        ("userName co \"ann\"", &[""]),
        ("userName eq \"ann\" or title eq \"x\"", &["&$filter=login eq 'ann'", "&$filter=job/title eq 'x'"]),
        ("not (active eq false)", &[""]),
        ("userName ne \"nobody\"", &[""]),
        ("externalId eq \"x\"", &[""]),
        ("userName ew \"n\"", &["&$filter=endsWith(login,'n')&$count=true"]),
    ];
    sends("$filter: $.filter", "language: graph, over: [userName, title, active]", calls).await;
}

#[tokio::test]
async fn trees_are_sent_as_json_rison_or_parameters() {
    sends(
        "filter: $.filter",
        "language: tree",
        &[
            ("userName eq \"a\\\"}\"", &[r#"&filter={"login":{"_eq":"a\"}"}}"#]),
            (
                "userName eq \"ann\" and title eq \"x\"",
                &[r#"&filter={"_and":[{"login":{"_eq":"ann"}},{"job.title":{"_eq":"x"}}]}"#],
            ),
        ],
    )
    .await;
    let rows: &[(&str, &[&str])] = &[
        ("userName eq \"a'!n\"", &["&q=(filters:!((col:'login',opr:'eq',value:'a!'!!n')),size:100)"]),
        (
            "userName eq \"ann\" and title co \"x\"",
            &["&q=(filters:!((col:'login',opr:'eq',value:'ann'),(col:'job.title',opr:'ct',value:'x')),size:100)"],
        ),
        ("active pr", &["&q=(size:100)"]),
    ];
    sends("q: { quote: rison, of: { filters: $.filter, size: $.size } }", "language: rows", rows).await;
    sends(
        "",
        "language: suffixes",
        &[
            ("userName eq \"a&b\"", &["&login=a&b"]),
            ("userName eq \"ann\" and title sw \"x\"", &["&login=ann&job.title__istartswith=x"]),
            // one parameter says one thing
            ("userName eq \"ann\" and userName eq \"bo\"", &["&login=ann"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_apps_pages_are_used_only_where_all_is_asked_exactly() {
    let mapping = MAPPING.replace("QUERY", "$filter: $.filter").replace("FILTERS", "language: odata, matches: exactly");
    let rows = |asked: &Asked| {
        let all: Vec<Value> =
            (1..=250).map(|id| json!({"id": id, "login": format!("u{id}"), "active": id % 2 == 0})).collect();
        let page: usize = asked.target.split("page=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
        let n: usize = asked.target.split("n=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
        let wanted: Vec<Value> =
            all.into_iter().filter(|u| !asked.target.contains("active") || u["active"] == true).collect();
        let rows: Vec<&Value> = wanted.iter().skip((page - 1) * n).take(n).collect();
        told(200, &json!({"rows": rows, "total": wanted.len()}))
    };
    let (app, url) = OddApp::start(rows).await;
    let door = Door::over_text(&mapping, &url, LIMITS).await;
    let found = door.find("/Users?startIndex=21&count=10", "active eq true").await.is(200);
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(125), &json!("42")));
    assert_eq!(app.calls().len(), 1);
    let found = door.find("/Users?startIndex=21&count=10", "active eq true and userName gt \"a\"").await.is(200);
    assert_eq!((&found["totalResults"], app.calls().len()), (&json!(125), 2));
    // an app that adds what it promised not to
    let (_app, url) =
        OddApp::start(|_| told(200, &json!({"rows": [{"id": 1, "login": "x", "active": false}], "total": 1}))).await;
    let door = Door::over_text(&mapping, &url, LIMITS).await;
    door.find("/Users", "active eq true").await.fails(502, "");
}

/// Who reads a header takes blanks off its ends: another value would be asked for.
#[tokio::test]
async fn no_value_changes_in_a_header() {
    let calls: &[(&str, &[&str])] =
        &[("userName eq \"ann\"", &["&by=login"]), ("userName eq \"ann \"", &[""]), ("userName eq \" ann\"", &[""])];
    sends("", "language: heads", calls).await;
}

/// What a language sends beside the filter's own place stays with a call that is made again for its tenant.
#[tokio::test]
async fn parameters_and_headers_reach_a_tenants_own_list() {
    let (app, url) = OddApp::start(|asked| {
        assert_eq!(asked.headers["x-slow"], "yes");
        told(200, &json!({"rows": [], "total": 0}))
    })
    .await;
    let mapping = MAPPING
        .replace("QUERY", "")
        .replace("FILTERS", "language: suffixes")
        .replace("GET /users", "GET /realms/{{tenant.realm}}/users");
    let door = Door::over_text(&mapping, &url, LIMITS).await.of("acme", &json!({"realm": "a b"}));
    door.find("/Users", "userName sw \"x&y\"").await.is(200);
    assert_eq!(app.calls(), ["GET /realms/a%20b/users?page=1&n=100&login__istartswith=x%26y"]);
}
