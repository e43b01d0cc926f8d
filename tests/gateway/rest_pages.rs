//! Lists that go on by a token, a link or a key of the last reply, and totals told elsewhere: all rows, each once, or an error.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::{
    door::{Answer, Door, LIMITS},
    odd_app::{Asked, OddApp, Told, told},
};

/// How an app pages: the list's call and its `pages`, and how 7 users are told, 3 on a page.
struct Style {
    name: &'static str,
    call: &'static str,
    pages: &'static str,
    tell: fn(&Asked) -> Told,
}

fn users(from: usize, to: usize) -> Vec<Value> {
    (from..to.min(7)).map(|n| json!({"id": n + 1, "login": format!("u{}", n + 1)})).collect()
}

fn parameter(asked: &Asked, name: &str) -> Option<String> {
    let query = asked.target.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

fn number(asked: &Asked, name: &str) -> usize {
    parameter(asked, name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn linked(asked: &Asked, link: impl Fn(usize) -> String) -> (Vec<Value>, Option<String>) {
    let from = number(asked, "from");
    (users(from, from + 3), (from + 3 < 7).then(|| link(from + 3)))
}

const STYLES: [Style; 8] = [
    Style {
        name: "a token",
        call: "GET /users?n={{size}}&token={{next}}",
        pages: "{ by: next, next: $.token, max: 3 }",
        tell: |asked| {
            // a page without rows in the middle
            let (rows, next) = match parameter(asked, "token").as_deref() {
                None => (users(0, 3), Some("t=a")),
                Some("t%3Da") => (vec![], Some("t=b")),
                Some("t%3Db") => (users(3, 6), Some("t=c")),
                _ => (users(6, 7), None),
            };
            told(200, &json!({"rows": rows, "token": next}))
        },
    },
    Style {
        name: "a token that begins with a word",
        call: "GET /users?cursor={{next}}",
        pages: "{ by: next, first: begin, next: $.token, max: 3 }",
        tell: |asked| {
            let from = match parameter(asked, "cursor").unwrap().as_str() {
                "begin" => 0,
                token => token.parse().unwrap(),
            };
            told(
                200,
                &json!({"rows": users(from, from + 3), "token": if from + 3 < 7 { (from + 3).to_string() } else { String::new() }}),
            )
        },
    },
    Style {
        name: "the last key",
        call: "GET /users?after={{next}}",
        pages: "{ by: next, next: '$.rows[-1:].id', max: 3 }",
        tell: |asked| {
            let from = number(asked, "after");
            told(200, &json!({"rows": users(from, from + 3)}))
        },
    },
    Style {
        name: "an object to go on with",
        call: "POST /users, form: { list: all, '...': $.next }",
        pages: "{ by: next, next: $.continue, max: 3 }",
        tell: |asked| {
            let text = asked.text();
            let from: usize =
                text.split("&from=").nth(1).map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap());
            assert_eq!(text.contains("&and=x"), from > 0, "{text}");
            let next = (from + 3 < 7).then(|| json!({"from": from + 3, "and": "x"}));
            told(200, &json!({"rows": users(from, from + 3), "continue": next}))
        },
    },
    Style {
        name: "a link in the body",
        call: "GET /users?x=1",
        pages: "{ by: url, next: $.links.next, max: 3 }",
        tell: |asked| {
            let (rows, next) = linked(asked, |from| format!("/app/users?x=1&from={from}"));
            told(200, &json!({"rows": rows, "links": {"next": next}}))
        },
    },
    Style {
        name: "a Link header",
        call: "GET /users",
        pages: "{ by: url, next: $headers.Link, max: 3 }",
        tell: |asked| {
            let host = asked.headers["host"].to_str().unwrap();
            let (rows, next) = linked(asked, |from| {
                format!("<http://{host}/app/users?from={from}>; rel=\"next\", </app/users>; rel=first")
            });
            let Told(status, mut headers, body) = told(200, &json!({"rows": rows}));
            headers.extend(next.map(|next| ("link", next)));
            Told(status, headers, body)
        },
    },
    Style {
        name: "a total in a header",
        call: "GET /users?from={{offset}}&n={{size}}",
        pages: "{ by: offset, max: 3, total: $headers.X-Total }",
        tell: |asked| {
            let (from, size) = (number(asked, "from"), number(asked, "n"));
            let Told(status, mut headers, body) = told(200, &json!({"rows": users(from, from + size)}));
            headers.push(("x-total", "7".into()));
            Told(status, headers, body)
        },
    },
    Style {
        name: "a total from a call",
        call: "GET /users?from={{offset}}&n={{size}}",
        pages: "{ by: offset, max: 3, total: { call: GET /users/count, at: $ } }",
        tell: |asked| match asked.target.as_str() {
            "/app/users/count" => told(200, &json!(7)),
            _ => {
                let (from, size) = (number(asked, "from"), number(asked, "n"));
                told(200, &json!({"rows": users(from, from + size)}))
            }
        },
    },
];

async fn door(call: &str, pages: &str, tell: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> (Arc<OddApp>, Door) {
    let (app, url) = OddApp::start(tell).await;
    let mapping = format!(
        "mapping: 1
app: {{ rest: {{ url: '{url}/app' }} }}
resources:
  User:
    id: $.id
    attributes: {{ userName: {{ at: $.login, access: [read] }} }}
    get: GET /users/{{{{id}}}}
    list: {{ call: {}, rows: $.rows, pages: {pages} }}
",
        call.split_once(", ").map_or(format!("'{call}'"), |(line, rest)| format!("{line}, {rest}"))
    );
    (app, Door::over_text(&mapping, &url, LIMITS).await)
}

fn total(answer: &Answer) -> u64 {
    answer.body["totalResults"].as_u64().unwrap()
}

#[tokio::test]
async fn every_row_comes_once_whatever_the_style() {
    let all: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
    for Style { name, call, pages, tell } in STYLES {
        let (app, door) = door(call, pages, tell).await;
        assert_eq!(door.find("/Users", "userName co \"u\"").await.ids(), all, "{name}");
        assert!(app.calls().len() <= 5, "{name}");
        let first = door.get("/Users?count=2").await;
        assert_eq!(total(&first), 7, "{name}");
        assert_eq!(first.ids(), all[..2], "{name}");
        assert_eq!(door.get("/Users?startIndex=6&count=5").await.ids(), all[5..], "{name}");
        assert_eq!(door.find("/Users", "userName eq \"u5\"").await.ids(), ["5"], "{name}");
        // By cursor, two at a time.
        let (mut seen, mut cursor) = (Vec::new(), Some(String::new()));
        while let Some(place) = cursor {
            let page = door.get(&format!("/Users?count=2&cursor={place}")).await;
            cursor = page.body["nextCursor"].as_str().map(str::to_owned);
            seen.extend(page.ids());
        }
        assert_eq!(seen, all, "{name}");
    }
}

#[tokio::test]
async fn the_apps_own_pages_are_used_where_any_can_be_asked_for() {
    for (name, least) in
        [("a total in a header", "GET /app/users?from=4&n=2"), ("a total from a call", "GET /app/users/count")]
    {
        let style = STYLES.into_iter().find(|style| style.name == name).unwrap();
        let (app, door) = door(style.call, style.pages, style.tell).await;
        assert_eq!(door.get("/Users?startIndex=5&count=2").await.ids(), ["5", "6"]);
        let calls = app.calls();
        assert_eq!(calls[0], least, "{calls:?}");
        assert_eq!(calls.last().unwrap(), "GET /app/users?from=4&n=2");
        assert!(calls.len() <= 2, "{calls:?}");
    }
}

/// The tenant stands in the list's own path; the second page is where the first one leads.
#[tokio::test]
async fn a_link_is_followed_where_the_call_names_the_tenant() {
    let (app, url) = OddApp::start(|asked| {
        let (rows, next) = linked(asked, |from| format!("/app/realms/acme/users?from={from}"));
        told(200, &json!({"rows": rows, "next": next}))
    })
    .await;
    let mapping = format!(
        "mapping: 1
app: {{ rest: {{ url: '{url}/app' }} }}
resources:
  User:
    id: $.id
    attributes: {{ userName: {{ at: $.login, access: [read] }} }}
    get: 'GET /realms/{{{{tenant.realm}}}}/users/{{{{id}}}}'
    list:
      call: 'GET /realms/{{{{tenant.realm}}}}/users'
      rows: $.rows
      pages: {{ by: url, next: $.next, max: 3 }}
"
    );
    let door = Door::over_text(&mapping, &url, LIMITS).await.of("acme", &json!({"realm": "acme"}));
    assert_eq!(door.get("/Users").await.ids().len(), 7);
    assert_eq!(
        app.calls(),
        ["", "?from=3", "?from=6"].map(|query| format!("GET /app/realms/acme/users{query}")),
        "each page once"
    );
}

#[tokio::test]
async fn a_link_is_never_followed_elsewhere() {
    for link in [
        "https://evil.example/app/users?from=3",
        "//evil.example/app/users",
        "/other?from=3",
        "http://127.0.0.1:1/app/users",
    ] {
        let (app, door) = door("GET /users", "{ by: url, next: $.next, max: 3 }", move |_| {
            told(200, &json!({"rows": users(0, 3), "next": link}))
        })
        .await;
        door.get("/Users").await.fails(502, "");
        assert_eq!(app.calls(), ["GET /app/users"], "{link}");
    }
}

#[tokio::test]
async fn a_list_that_never_ends_or_repeats_itself_is_a_fault() {
    let next = "{ by: next, next: $.token, max: 3 }";
    // The same token again, the same rows under new tokens, no rows and always a token.
    let (_, same) =
        door("GET /users?t={{next}}", next, |_| told(200, &json!({"rows": users(0, 3), "token": "a"}))).await;
    same.get("/Users").await.fails(502, "");
    let (_, rows) = door("GET /users?t={{next}}", next, |asked| {
        told(200, &json!({"rows": users(0, 3), "token": number(asked, "t") + 1}))
    })
    .await;
    rows.get("/Users").await.fails(503, "");
    let (_, empty) = door("GET /users?t={{next}}", next, |_| told(200, &json!({"rows": [], "token": "a"}))).await;
    empty.get("/Users").await.fails(502, "");
    let (app, new) =
        door("GET /users?t={{next}}", next, |asked| told(200, &json!({"rows": [], "token": number(asked, "t") + 1})))
            .await;
    new.get("/Users").await.fails(400, "tooMany");
    assert_eq!(app.calls().len(), LIMITS.calls);
    // A list that ends before its total is not whole.
    let (_, short) = door("GET /users?t={{next}}", "{ by: next, next: $.token, max: 3, total: $.n }", |_| {
        told(200, &json!({"rows": users(0, 3), "n": 7}))
    })
    .await;
    short.get("/Users").await.fails(503, "");
}

#[tokio::test]
async fn an_id_that_only_a_header_tells() {
    let (_, url) = OddApp::start(|asked| match asked.method.as_str() {
        "POST" => Told(201, vec![("location", "http://x/app/users/a%20b".into())], String::new()),
        _ => told(200, &json!({"id": "a b", "login": "ann", "tags": [{"name": "x"}, {"name": "gone"}]})),
    })
    .await;
    let mapping = |answers: &str| {
        format!(
            "
mapping: 1
app: {{ rest: {{ url: '{url}', answers: [{answers}] }} }}
resources:
  User:
    id: $.id
    attributes: {{ userName: {{ at: $.login, access: [read, create] }} }}
    get: GET /users/{{{{id}}}}
    create: {{ call: POST /users, json: $.record, id: {{ at: $headers.Location, after: '/users/' }} }}
"
        )
    };
    let made = Door::over_text(&mapping(""), &url, LIMITS).await.ask("POST", "/Users", super::door::user("ann")).await;
    assert_eq!(made.is(201)["id"], "a b");
    for (answer, status) in [
        ("{ when: { $.tags: { has: { name: gone } } }, then: absent }", 404),
        ("{ when: { $.tags: { lacks: { name: gone } } }, then: absent }", 200),
        ("{ when: { $headers.X-Gone: { given: true } }, then: absent }", 200),
        ("{ when: { $headers.Content-Type: { contains: json } }, then: busy }", 503),
    ] {
        let door = Door::over_text(&mapping(answer), &url, LIMITS).await;
        assert_eq!(door.get("/Users/a%20b").await.status, status, "{answer}");
    }
}

#[tokio::test]
async fn a_token_that_the_app_forgot_is_an_expired_cursor() {
    let forgetful = Arc::new(AtomicBool::new(false));
    let forgot = forgetful.clone();
    let (_app, door) = door("GET /users?token={{next}}", "{ by: next, next: $.token, max: 3 }", move |asked| {
        let from = number(asked, "token");
        if from > 0 && forgot.load(Ordering::Relaxed) {
            return told(400, &json!({"error": "unknown token"}));
        }
        told(200, &json!({"rows": users(from, from + 3), "token": (from + 3 < 7).then(|| (from + 3).to_string())}))
    })
    .await;
    let first = door.get("/Users?cursor&count=4").await.is(200);
    let next = first["nextCursor"].as_str().unwrap();
    assert_eq!(door.get(&format!("/Users?count=4&cursor={next}")).await.is(200)["Resources"][0]["id"], "5");
    forgetful.store(true, Ordering::Relaxed);
    door.get(&format!("/Users?count=4&cursor={next}")).await.fails(400, "expiredCursor");
    // In the middle of a walk it is the app's own fault, and no cursor's.
    door.get("/Users?cursor&count=4").await.fails(400, "invalidValue");
}
