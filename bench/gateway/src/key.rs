//! How the provider treats a key. Its name says it: `bench-<temper>-<number>`, where a temper may be `ok`, `revoked`,
//! `limited`, `broken`, `rate20` (calls a second) and `half20` (the same, and half of them fail).

use std::time::Duration;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

pub enum Treated {
    Answered,
    Refused { status: &'static str, headers: String },
}

#[derive(Default)]
pub struct Key {
    /// When the bucket, which holds a second's calls, will be full again.
    full_at: u64,
    calls: u64,
}

impl Key {
    pub fn treat(&mut self, name: &str, now: u64) -> Treated {
        self.calls += 1;
        let temper = name.split('-').nth(1).unwrap_or_default();
        let refused = |status| Treated::Refused { status, headers: String::new() };
        match temper {
            "revoked" => refused("401 Unauthorized"),
            "limited" => Treated::Refused { status: "429 Too Many Requests", headers: "retry-after: 30\r\n".into() },
            "broken" => refused("500 Internal Server Error"),
            _ => match rate(temper).and_then(|rate| self.wait(rate, now)) {
                Some(wait) => over(wait),
                None if temper.starts_with("half") && self.fails() => refused("500 Internal Server Error"),
                None => Treated::Answered,
            },
        }
    }

    /// How long a call at `rate` a second has to wait, if it must.
    fn wait(&mut self, rate: u64, now: u64) -> Option<Duration> {
        let each = SECOND / rate;
        let next = self.full_at.max(now) + each;
        if next > now + SECOND {
            return Some(Duration::from_nanos(next - now - SECOND));
        }
        self.full_at = next;
        None
    }

    /// Half of the time, without a pattern, and in each run alike.
    fn fails(&self) -> bool {
        self.calls.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 63 == 1
    }
}

fn rate(temper: &str) -> Option<u64> {
    temper.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).parse().ok()
}

/// As OpenAI says it: whole seconds, and more exactly.
fn over(wait: Duration) -> Treated {
    let seconds = wait.as_secs() + 1;
    let ms = wait.as_millis() + 1;
    let headers = format!("retry-after: {seconds}\r\nretry-after-ms: {ms}\r\nx-ratelimit-reset-requests: {ms}ms\r\n");
    Treated::Refused { status: "429 Too Many Requests", headers }
}
