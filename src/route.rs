//! What a path asks for, parsed once.

use crate::record::provider;

#[derive(Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/`: sends a browser to the admin page.
    Home,
    Health,
    /// `/admin/api/<rest>`.
    Admin(&'a str),
    /// `/admin/api/v1/<rest>`: a call that the admin makes on the page.
    Playground(&'a str),
    /// A call for an upstream. `pin` is the provider named in the path, `rest` what follows `/v1/`.
    Call {
        pin: Option<&'a str>,
        rest: &'a str,
    },
    Unknown,
}

/// First segments that are taken for a call when `/v1` is missing from the base URL.
const ENDPOINTS: [&str; 21] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "completions",
    "containers",
    "conversations",
    "embeddings",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "messages",
    "models",
    "moderations",
    "rerank",
    "responses",
    "threads",
    "token-count",
    "uploads",
    "vector_stores",
];

/// Those of calls to models, which have a plain way to be written.
const OF_MODELS: [&str; 9] =
    ["audio", "chat", "completions", "embeddings", "images", "messages", "moderations", "rerank", "responses"];

/// `path` begins with a slash and has no query.
pub fn parse(path: &str) -> Route<'_> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "" => Route::Home,
        "healthz" if rest.is_empty() => Route::Health,
        "metrics" if rest.is_empty() => Route::Admin("metrics"),
        "admin" => rest.strip_prefix("api/").map_or(Route::Unknown, admin),
        "v1" if !rest.is_empty() => call(None, rest),
        _ if ENDPOINTS.contains(&first) => call(None, path),
        _ => pinned(first, rest),
    }
}

/// A path that is no call gets the admin's own answer, which outsiders do not.
fn admin(rest: &str) -> Route<'_> {
    match rest.strip_prefix("v1/").map(|rest| call(None, rest)) {
        Some(Route::Call { rest, .. }) => Route::Playground(rest),
        _ => Route::Admin(rest),
    }
}

/// What a call may do, and what it costs, goes by its path: one that a provider may read otherwise than we do is none.
fn call<'a>(pin: Option<&'a str>, rest: &'a str) -> Route<'a> {
    let first = rest.split('/').next().unwrap_or_default();
    let leads_away = rest.bytes().any(|byte| byte <= b' ' || byte == b'\\') || rest.split('/').any(is_step);
    if first.is_empty() || first.contains('%') || leads_away {
        return Route::Unknown;
    }
    if !OF_MODELS.contains(&first) {
        return Route::Call { pin, rest };
    }
    let rest = rest.trim_end_matches('/');
    let is_plain = !rest.contains('%') && rest.split('/').all(|part| !part.is_empty());
    if is_plain { Route::Call { pin, rest } } else { Route::Unknown }
}

/// Nothing but dots, however they are spelled: `fetch` would go up from there (WHATWG URL, 4.4), out of the provider's
/// base URL or to another endpoint than the one whose rules hold.
fn is_step(part: &str) -> bool {
    let mut rest = part.as_bytes();
    while let [b'.', left @ ..] | [b'%', b'2', b'e' | b'E', left @ ..] = rest {
        rest = left;
    }
    rest.is_empty() && !part.is_empty()
}

fn pinned<'a>(name: &'a str, rest: &'a str) -> Route<'a> {
    match rest.strip_prefix("v1/") {
        Some(rest) if provider::is_name(name) && !rest.is_empty() => call(Some(name), rest),
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Route::*, *};

    #[test]
    fn a_path_is_a_call_with_v1_without_it_and_behind_a_provider() {
        let chat = "chat/completions";
        assert_eq!(parse("/v1/chat/completions"), Call { pin: None, rest: chat });
        assert_eq!(parse("/chat/completions"), Call { pin: None, rest: chat });
        assert_eq!(parse("/groq/v1/chat/completions"), Call { pin: Some("groq"), rest: chat });
        assert_eq!(parse("/v1/never/heard/of"), Call { pin: None, rest: "never/heard/of" });
        assert_eq!(parse("/models/a/b"), Call { pin: None, rest: "models/a/b" });
    }

    #[test]
    fn a_call_to_a_model_has_one_way_to_be_written() {
        assert_eq!(parse("/v1/chat/completions/"), Call { pin: None, rest: "chat/completions" });
        assert_eq!(parse("/v1/files/a%2Fb//c/"), Call { pin: None, rest: "files/a%2Fb//c/" });
        for path in [
            "/v1/%63hat/completions",
            "/v1//chat/completions",
            "/v1/chat//completions",
            "/p/v1/chat/%63ompletions",
            "/v1/chat%2Fcompletions",
        ] {
            assert_eq!(parse(path), Unknown, "{path}");
        }
    }

    #[test]
    fn no_call_leads_up_and_out() {
        for away in ["..", ".", "%2e%2e", ".%2E", "%2e.", "%2E", "..\\..", "a\\..", ".\t.", "a\n", "a b"] {
            for path in
                [format!("/v1/files/{away}/chat/completions"), format!("/v1/files/{away}"), format!("/v1/{away}/x")]
            {
                assert_eq!(parse(&path), Unknown, "{path}");
            }
            assert_eq!(parse(&format!("/groq/v1/files/{away}/x")), Unknown);
            assert_eq!(parse(&format!("/files/{away}/x")), Unknown);
        }
        for path in ["/v1/files/..a", "/v1/files/a..b/c", "/v1/files/.a.", "/v1/files/a%2e", "/v1/files/a/.../%2ee"] {
            assert_eq!(matches!(parse(path), Call { .. }), !path.contains("/.../"), "{path}");
        }
    }

    #[test]
    fn our_own_paths_are_not_calls() {
        assert_eq!(parse("/"), Home);
        assert_eq!(parse("/healthz"), Health);
        assert_eq!(parse("/metrics"), Admin("metrics"));
        assert_eq!(parse("/admin/api/keys/1"), Admin("keys/1"));
        assert_eq!(parse("/admin/api/v1/chat/completions"), Playground("chat/completions"));
        for path in ["v1", "v1/", "v1//chat", "v1/%63hat", "v2/chat"] {
            assert_eq!(parse(&format!("/admin/api/{path}")), Admin(path));
        }
        for path in [
            "/admin",
            "/admin/x.js",
            "/favicon.ico",
            "/v1",
            "/v1/",
            "/metrics/v1/models",
            "/Groq/v1/models",
            "/wp-login.php",
        ] {
            assert_eq!(parse(path), Unknown, "{path}");
        }
    }
}
