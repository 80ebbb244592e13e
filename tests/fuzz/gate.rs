//! What decides who may: tokens, ids with a tag, addresses, paths.
use crate::fuzz;
use keypool::{
    auth::{
        self,
        session::{self, Session},
    },
    limit::ip,
    route::{self, Route},
    sticky,
};
use proptest::{prop_assert, prop_assert_eq};

const NOW: u64 = 1_800_000_000_000;

#[test]
fn no_token_but_the_one_that_was_signed_is_a_session() {
    let genuine = Session::new("id".into(), "mark".into(), NOW, 3_600_000).sign("secret").unwrap();
    let words = &[
        ".",
        "..",
        "=",
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
        "e30",
        "%",
        "\u{e9}",
        "_",
        "-",
    ];
    fuzz("token", words, |bytes, dice| {
        let text = String::from_utf8_lossy(bytes);
        prop_assert_eq!(session::check(&text, "secret", NOW), None);
        // The same damage to a genuine one.
        let at = usize::try_from(dice % 1_000_000).unwrap() % genuine.len();
        let mut other = genuine.clone().into_bytes();
        other.splice(at..(at + text.len().min(4)).min(genuine.len()), bytes.iter().copied().take(4));
        let other = String::from_utf8_lossy(&other).into_owned();
        prop_assert_eq!(session::check(&other, "secret", NOW).is_some(), other == genuine);
        Ok(())
    });
}

#[test]
fn no_id_but_a_signed_one_leads_to_a_key() {
    let sign = |text: &str| auth::keyed_digest("pepper", text);
    let tagged = format!("file-abc{}", sticky::tag("file-abc", "0123456789abcdef", &sign));
    fuzz(
        "id",
        &["_kp", "0123456789abcdef", "file-", "/", "&", "=", "%2F", "batch_1", "fileid://", "\""],
        |bytes, _| {
            let text = String::from_utf8_lossy(bytes);
            prop_assert!(sticky::read(&text, &sign).is_none() || text == tagged);
            if let Some((out, keys)) = sticky::taken_out(&text, &sign) {
                prop_assert!(out.len() < text.len() && keys.iter().all(|key| key == "0123456789abcdef"));
            }
            sticky::last(bytes, &sign);
            Ok(())
        },
    );
}

#[test]
fn a_path_leads_to_the_admin_only_where_it_says_so() {
    fuzz(
        "path",
        &[
            "/",
            "//",
            "..",
            "/../",
            "%2e",
            "%2F",
            "admin",
            "/admin/api/",
            "v1",
            "/v1/",
            "chat/completions",
            "metrics",
            "\\",
            ";",
            "?",
            "#",
            "\u{e9}",
        ],
        |bytes, _| {
            let path = String::from_utf8_lossy(bytes);
            match route::parse(&path) {
                Route::Playground(rest) => prop_assert!(!rest.is_empty() && path.starts_with("/admin/api/v1/")),
                Route::Admin(rest) => prop_assert!(
                    path.trim_end_matches('/').ends_with(rest.trim_end_matches('/'))
                        && ["admin/api/", "metrics"]
                            .iter()
                            .any(|start| path.trim_start_matches('/').starts_with(start))
                ),
                Route::Call { pin, rest } => {
                    prop_assert!(!rest.is_empty() && path.contains(rest));
                    prop_assert!(pin.is_none_or(|pin| !["admin", "v1"].contains(&pin)));
                    let plain = rest.replace("%2e", ".").replace("%2E", ".").replace('\\', "/");
                    prop_assert!(!plain.split('/').any(|part| part == "." || part == ".."), "it leads away");
                }
                Route::Home | Route::Health | Route::Unknown => {}
            }
            Ok(())
        },
    );
}

#[test]
fn an_address_is_in_no_range_that_is_none() {
    fuzz(
        "address",
        &[".", ":", "::", "/", "0", "255", "256", "ffff", "::ffff:", "10.0.0.0/8", "-1", " "],
        |bytes, _| {
            let text = String::from_utf8_lossy(bytes);
            if !ip::is_range(&text) {
                prop_assert!(!ip::is_in("10.1.2.3", &[text.clone().into_owned()]));
            }
            if ip::is_in(&text, &["0.0.0.0/0".into()]) {
                prop_assert!(text.trim().parse::<std::net::IpAddr>().is_ok());
            }
            Ok(())
        },
    );
}
