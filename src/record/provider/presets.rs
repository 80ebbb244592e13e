//! The providers that people ask for.

use super::{Auth, Layout, Provider};
use crate::record::{key::DEFAULT_WEIGHT, usage_mode::UsageMode};

pub struct Preset {
    pub name: &'static str,
    pub label: &'static str,
    /// With `{what}` where a person's own account is part of the address.
    pub base_url: &'static str,
    pub auth: Auth,
    pub layout: Layout,
    /// What a probe asks for with GET: free, and refused without a valid key. With a slash at its beginning, at the base
    /// URL's host.
    pub probe: &'static str,
    /// `GET models` lists what can be called, and nothing else.
    pub lists: bool,
    /// Globs of names that its maker gives to models, with spaces between; for those that no list has.
    pub families: &'static str,
    pub balance: Option<PresetBalance>,
}

/// See `Provider::balance_url`.
#[derive(Clone, Copy)]
pub struct PresetBalance {
    pub url: &'static str,
    pub path: &'static str,
    /// `None` when the answer names it.
    pub currency: Option<&'static str>,
}

/// The newest that Azure calls stable and final.
const AZURE_VERSION: &str = "2024-10-21";

const fn balance(url: &'static str, path: &'static str, currency: Option<&'static str>) -> Option<PresetBalance> {
    Some(PresetBalance { url, path, currency })
}

const fn bearer(name: &'static str, label: &'static str, base_url: &'static str, families: &'static str) -> Preset {
    let (auth, layout) = (Auth::Bearer, Layout::OpenAi);
    Preset { name, label, base_url, auth, layout, probe: "models", lists: true, families, balance: None }
}

/// Each provider's OpenAI-compatible endpoint, from its own documentation.
pub const PRESETS: [Preset; 17] = [
    bearer(
        "openai",
        "OpenAI",
        "https://api.openai.com/v1",
        "gpt-* chatgpt-* o1* o3* o4* codex-* text-embedding-3-* text-embedding-ada-* dall-e-* whisper-* tts-* omni-*",
    ),
    bearer("anthropic", "Anthropic", "https://api.anthropic.com/v1", "claude-*"),
    bearer("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", "gemini-*"),
    // OpenRouter lists its models to anyone. What its account has left is told to management keys only; this is what the
    // key's own limit leaves it.
    Preset {
        probe: "key",
        balance: balance("key", "data.limit_remaining", Some("USD")),
        ..bearer("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "")
    },
    Preset {
        balance: balance("/user/balance", "balance_infos.0.total_balance", None),
        ..bearer("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "deepseek-*")
    },
    // `balance` alone is what was given for free.
    Preset {
        balance: balance("user/info", "data.totalBalance", Some("CNY")),
        ..bearer("siliconflow", "SiliconFlow", "https://api.siliconflow.cn/v1", "")
    },
    Preset {
        balance: balance("users/me/balance", "data.available_balance", Some("CNY")),
        ..bearer("moonshot", "Moonshot (Kimi)", "https://api.moonshot.cn/v1", "moonshot-* kimi-*")
    },
    bearer(
        "dashscope",
        "Alibaba DashScope (Qwen)",
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "qwen* qwq-* qvq-* text-embedding-v*",
    ),
    bearer("qianfan", "Baidu Qianfan (ERNIE)", "https://qianfan.baidubce.com/v2", "ernie*"),
    bearer("groq", "Groq", "https://api.groq.com/openai/v1", ""),
    bearer(
        "mistral",
        "Mistral",
        "https://api.mistral.ai/v1",
        "mistral-* ministral-* codestral-* pixtral-* magistral-* devstral-* voxtral-*",
    ),
    bearer("xai", "xAI", "https://api.x.ai/v1", "grok-*"),
    bearer("nvidia", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", ""),
    bearer("cerebras", "Cerebras", "https://api.cerebras.ai/v1", ""),
    // It lists what could be deployed, not what is.
    Preset {
        auth: Auth::ApiKey,
        layout: Layout::Azure,
        lists: false,
        ..bearer("azure", "Azure OpenAI", "https://{resource}.openai.azure.com", "")
    },
    Preset {
        probe: "/client/v4/user/tokens/verify",
        lists: false,
        ..bearer(
            "workers-ai",
            "Cloudflare Workers AI",
            "https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1",
            "@cf/* @hf/*",
        )
    },
    bearer("ollama", "Ollama", "https://ollama.com/v1", ""),
];

pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|p| p.name == name)
}

impl Preset {
    /// Nothing of its address is left to a person.
    pub fn is_complete(&self) -> bool {
        !self.base_url.contains('{')
    }

    pub fn provider(&self, now: u64) -> Provider {
        Provider {
            preset: Some(self.name.into()),
            base_url: self.base_url.into(),
            auth: self.auth,
            layout: self.layout,
            api_version: (self.layout == Layout::Azure).then(|| AZURE_VERSION.into()),
            balance_url: self.balance.map(|b| b.url.into()),
            balance_path: self.balance.map(|b| b.path.into()),
            ..Provider::new(now)
        }
    }
}

impl Provider {
    /// Without an address.
    pub fn new(now: u64) -> Self {
        Self {
            preset: None,
            base_url: String::new(),
            auth: Auth::Bearer,
            enabled: true,
            affinity: true,
            usage_mode: UsageMode::AsIs,
            layout: Layout::OpenAi,
            api_version: None,
            headers: Vec::new(),
            priority: 0,
            weight: DEFAULT_WEIGHT,
            models: Vec::new(),
            first_byte_timeout_ms: None,
            answer_timeout_ms: None,
            idle_timeout_ms: None,
            overall_timeout_ms: None,
            balance_url: None,
            balance_path: None,
            created: now,
        }
    }

    /// Whether `GET models` tells what it has.
    pub fn lists_models(&self) -> bool {
        self.layout == Layout::OpenAi && self.preset.as_deref().and_then(preset).is_none_or(|preset| preset.lists)
    }
}
