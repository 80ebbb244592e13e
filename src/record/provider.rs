//! A provider: a base URL, how a key is presented to it, and its timeouts. The presets are the ones people ask for.

mod auth;
mod presets;

pub use auth::{Auth, Layout};
pub use presets::{PRESETS, Preset, preset};

use super::{
    key::DEFAULT_WEIGHT,
    read::{Reader, Stored},
    usage_mode::UsageMode,
    write::{self, Json, object},
};
use crate::find;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// The preset it was made from.
    pub preset: Option<String>,
    /// Without a slash at its end; what follows `/v1/` in a call is joined to it.
    pub base_url: String,
    pub auth: Auth,
    pub enabled: bool,
    /// The requests of one conversation stay with one key, for the provider's prompt cache.
    pub affinity: bool,
    /// For client keys that have none of their own.
    pub usage_mode: UsageMode,
    /// How calls are put into addresses.
    pub layout: Layout,
    /// For `Layout::Azure`.
    pub api_version: Option<String>,
    /// Sent with each call besides the client's; for a gateway in front, which may want a token of its own.
    pub headers: Vec<(String, String)>,
    /// Of providers that have the same model, the one with more is asked first; those with as much share by weight.
    pub priority: u32,
    /// 0 to 100.
    pub weight: u8,
    /// Globs of its models, as a person says; empty = what it lists itself.
    pub models: Vec<String>,
    /// Milliseconds, each `None` = the setting's value.
    pub first_byte_timeout_ms: Option<u64>,
    pub answer_timeout_ms: Option<u64>,
    pub idle_timeout_ms: Option<u64>,
    pub overall_timeout_ms: Option<u64>,
    /// Where a GET with a key tells what is left on its account: with a slash at its beginning at the base URL's host,
    /// without one behind the base URL. `None` = nowhere.
    pub balance_url: Option<String>,
    /// Where in that answer: a JSON pointer, or names and places with dots between them.
    pub balance_path: Option<String>,
    /// Unix milliseconds.
    pub created: u64,
}

impl Json for Provider {
    fn json(&self) -> Value {
        object! { "preset": self.preset, "base_url": self.base_url, "auth": self.auth.name(), "enabled": self.enabled, "affinity": self.affinity, "usage_mode": self.usage_mode.name(), "layout": self.layout.name(), "api_version": self.api_version, "headers": headers_json(&self.headers), "priority": self.priority, "weight": self.weight, "models": self.models, "first_byte_timeout_ms": self.first_byte_timeout_ms, "answer_timeout_ms": self.answer_timeout_ms, "idle_timeout_ms": self.idle_timeout_ms, "overall_timeout_ms": self.overall_timeout_ms, "balance_url": self.balance_url, "balance_path": self.balance_path, "created": self.created }
    }
}

impl Stored for Provider {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            preset: from.text("preset"),
            base_url: from.text("base_url")?,
            auth: Auth::parse(&from.text("auth")?)?,
            enabled: from.flag("enabled")?,
            affinity: from.flag("affinity").unwrap_or(true),
            usage_mode: from.text("usage_mode").and_then(|name| UsageMode::parse(&name)).unwrap_or_default(),
            layout: from.text("layout").and_then(|name| Layout::parse(&name)).unwrap_or_default(),
            api_version: from.text("api_version"),
            headers: from.field("headers").map(headers_of).unwrap_or_default(),
            priority: from.small("priority").unwrap_or(0),
            weight: from.number("weight").and_then(|w| u8::try_from(w).ok()).unwrap_or(DEFAULT_WEIGHT),
            models: from.texts("models").unwrap_or_default(),
            first_byte_timeout_ms: from.number("first_byte_timeout_ms"),
            answer_timeout_ms: from.number("answer_timeout_ms"),
            idle_timeout_ms: from.number("idle_timeout_ms"),
            overall_timeout_ms: from.number("overall_timeout_ms"),
            balance_url: from.text("balance_url"),
            balance_path: from.text("balance_path"),
            created: from.number("created")?,
        })
    }
}

fn headers_json(headers: &[(String, String)]) -> Value {
    let mut fields = write::none();
    for (name, value) in headers {
        write::field(&mut fields, name, value);
    }
    Value::Object(fields)
}

fn headers_of(from: Reader) -> Vec<(String, String)> {
    let fields = from.0.as_object().into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
}

/// Names that are paths of ours and so cannot be a provider's.
const RESERVED: [&str; 6] = ["admin", "v1", "healthz", "metrics", "vendor", "assets"];

/// A provider's name stands in paths and model names: a lower-case letter, then letters, digits and dashes.
pub fn is_name(name: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !RESERVED.contains(&name)
}

impl Provider {
    /// The whole address of `balance_url`. Always at the base URL's host, whatever the path is.
    pub fn balance_address(&self) -> Option<String> {
        self.address(self.balance_url.as_deref()?)
    }

    /// A path with a slash at its beginning is one at the base URL's host, any other stands behind the base URL.
    pub fn address(&self, path: &str) -> Option<String> {
        if !path.starts_with('/') {
            return Some(format!("{}/{path}", self.base_url));
        }
        let host = find::find(&self.base_url, "://").map_or(0, |at| at + 3);
        let end = self.base_url.get(host..)?.find('/').map_or(self.base_url.len(), |at| host + at);
        Some(format!("{}{path}", self.base_url.get(..end)?))
    }

    /// What its preset's balances are in, where the base URL is still that of the preset.
    pub fn balance_currency(&self) -> Option<&'static str> {
        let preset = preset(self.preset.as_deref()?).filter(|preset| preset.base_url == self.base_url)?;
        preset.balance?.currency
    }
}

/// `text` as a `balance_url`.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn balance_url(text: &str) -> Result<String, String> {
    let url = text.trim();
    if url.is_empty() || url.len() > 200 || !url.chars().all(|c| c.is_ascii_graphic()) || url.contains([':', '#', '\\'])
    {
        return Err("a balance URL is a path at the provider's own address, such as /user/balance".into());
    }
    Ok(url.into())
}

/// `text` as a base URL: https (http only if `private` is allowed), a host, no user, query or fragment.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn base_url(text: &str, private: bool) -> Result<String, String> {
    let url = text.trim().trim_end_matches('/');
    let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if private => rest,
        (None, Some(_)) => return Err("a base URL begins with https://".into()),
        (None, None) => return Err("a base URL begins with https://, such as https://api.openai.com/v1".into()),
    };
    if url.contains(['{', '}']) {
        return Err("put your own account's name in the place of what stands in braces".into());
    }
    if !url.chars().all(|c| c.is_ascii_graphic()) || url.contains(['?', '#', '@', '\\', '"', '<', '>']) {
        return Err("a base URL is a plain address: no spaces, user, query or fragment".into());
    }
    let Some(name) = host_name(rest.split('/').next().unwrap_or_default()) else {
        return Err("the base URL has no plain host: letters, digits, dots and dashes, or an address".into());
    };
    if !private && is_private(name) {
        return Err(format!("{name} is not a public host; set KEYPOOL_ALLOW_PRIVATE_UPSTREAMS to allow it"));
    }
    Ok(url.into())
}

/// The host without its port; `None` where a reader of addresses might see another one than is written, as `%6c` for `l`.
fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, port)) if v6.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) => (v6, port),
        _ => host.split_at_checked(host.find(':').unwrap_or(host.len())).unwrap_or((host, "")),
    };
    let is_port = |text: &str| (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_label = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':'))
    };
    let is_plain = name.strip_suffix('.').unwrap_or(name).split('.').all(is_label) || find::has(name, "::");
    (is_plain && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))).then_some(name)
}

/// Loopback, private, link-local and metadata addresses, and names that never are public. A literal IPv6 address
/// and any numeric form of IPv4 but four plain parts count as private: no provider is reached that way.
fn is_private(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.contains(':') || !host.contains('.') {
        return true;
    }
    if [".local", ".localhost", ".localdomain", ".internal", ".lan", ".home.arpa", "metadata.goog"]
        .iter()
        .any(|end| host.ends_with(end))
    {
        return true;
    }
    match host.parse::<std::net::Ipv4Addr>() {
        Ok(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || a == 0
                || a >= 224
                || host == "168.63.129.16" // Azure's own, within its machines
                || ip.octets().starts_with(&[192, 0, 0])
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
        }
        Err(_) => host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_valid_provider() {
        for preset in &PRESETS {
            assert!(is_name(preset.name), "{}", preset.name);
            let url: String = preset.base_url.split(['{', '}']).collect();
            assert_eq!(base_url(&url, false).as_deref(), Ok(url.as_str()));
        }
    }

    #[test]
    fn a_base_url_is_public_https_unless_private_ones_are_allowed() {
        for bad in [
            "http://api.example.com/v1",
            "https://127.0.0.1/v1",
            "https://localhost/v1",
            "https://10.0.0.1",
            "https://169.254.169.254/latest",
            "https://[::1]/v1",
            "https://0x7f.1/v1",
            "https://2130706433/v1",
            "https://metadata.google.internal/x",
            "https://user@host.example/v1",
            "https://host.example/v1?x=1",
            "https:///v1",
            "ftp://host.example",
            "host.example",
            "//host.example",
        ] {
            assert!(base_url(bad, false).is_err(), "{bad}");
        }
        assert_eq!(base_url(" https://api.example.com/v1/ ", false).as_deref(), Ok("https://api.example.com/v1"));
        assert_eq!(base_url("http://127.0.0.1:8080/v1", true).as_deref(), Ok("http://127.0.0.1:8080/v1"));
    }

    #[test]
    fn a_private_host_is_known_in_every_spelling() {
        for host in [
            // Loopback, and what is taken for it.
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "127.0.0.1..",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7F000001",
            "017700000001",
            "2130706433",
            "127.0.0.0x1",
            "127.0.0.01",
            "0",
            "0.0.0.0",
            "localhost",
            "localhost.",
            "LocalHost",
            "a.localhost",
            "a.localhost.",
            "localhost.localdomain",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            // Private, link-local, shared, multicast.
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[fd00::1]",
            "[fe80::1%25eth0]",
            "[fec0::1]",
            "[64:ff9b::a00:1]",
            "printer.local",
            "nas.lan",
            // Metadata of clouds.
            "169.254.169.254",
            "169.254.169.254.",
            "2852039166",
            "0xA9FEA9FE",
            "0251.0376.0251.0376",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "metadata.google.internal",
            "metadata.google.internal.",
            "METADATA.GOOGLE.INTERNAL",
            "metadata.goog",
            "192.0.0.192",
            "168.63.129.16",
            "100.100.100.200",
            // Spellings that a URL's reader decodes.
            "127%2e0.0.1",
            "169.254.169.%32%35%34",
            "a.%6cocalhost",
            "metadata.google.inter%6eal",
            "%6c%6fcalhost",
            "127.0.0.1%00.a.example",
            // And no host at all.
            "a@127.0.0.1",
            "a.example@127.0.0.1",
            "a.example:80@127.0.0.1",
            "a.example:443:80",
            "a.example:",
            "a.example:x",
            "a.example;127.0.0.1",
            "a.example,b.example",
            "a.example\\@127.0.0.1",
            "[::1",
            "[::1].a.example",
            "a..example",
            ".a.example",
            "*.a.example",
        ] {
            for port in ["", ":8080"] {
                let url = format!("https://{host}{port}/v1");
                assert!(base_url(&url, false).is_err(), "{url}");
            }
        }
        for host in [
            "api.example.com",
            "8.8.8.8",
            "172.32.0.1",
            "a-b.c_d.example",
            "xn--bcher-kva.example",
            "local.example",
            "api.example.com.",
        ] {
            for port in ["", ":8443"] {
                let url = format!("https://{host}{port}/v1");
                assert_eq!(base_url(&url, false).as_deref(), Ok(url.as_str()));
            }
        }
        for url in ["http://[::1]:8080/v1", "http://localhost:8080", "http://10.0.0.1/v1"] {
            assert_eq!(base_url(url, true).as_deref(), Ok(url));
        }
        for url in ["http://a@localhost", "http://local%68ost", "http://localhost:x", "http:///v1", "http://[::1]x/v1"]
        {
            assert!(base_url(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn a_balance_is_asked_for_at_the_base_urls_host_and_nowhere_else() {
        let address = |base_url: &str, path: &str| {
            let path = balance_url(path).ok();
            Provider { base_url: base_url.into(), balance_url: path, ..PRESETS[0].provider(0) }.balance_address()
        };
        for (base, path, expected) in [
            ("https://a.example/v1", "/user/balance", "https://a.example/user/balance"),
            ("https://a.example", "/user/balance", "https://a.example/user/balance"),
            ("http://a.example:81/b/v1", "user/info?x=1", "http://a.example:81/b/v1/user/info?x=1"),
            ("https://a.example/v1", "//b.example/x", "https://a.example//b.example/x"),
            ("https://a.example", "@b.example/x", "https://a.example/@b.example/x"),
        ] {
            assert_eq!(address(base, path).as_deref(), Some(expected));
        }
        for bad in ["", "https://b.example/x", "a b", "\\\\b.example", "x#y"] {
            assert!(balance_url(bad).is_err(), "{bad}");
        }
        for preset in PRESETS.iter().filter_map(|preset| preset.balance.as_ref()) {
            assert_eq!(balance_url(preset.url).as_deref(), Ok(preset.url));
        }
    }

    #[test]
    fn a_provider_name_can_stand_in_a_path() {
        assert!(is_name("open-router2"));
        for bad in ["", "Open", "a/b", "admin", "v1", "-a", "a.b", "ä"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
