//! Which provider a key is of, as far as the key or a variable's name tells. The names are those of the presets.

/// How keys begin, the longer of two beginnings first. A plain `sk-` is shared by too many to mean anything.
const BEGINNINGS: [(&str, &str); 13] = [
    ("sk-ant-", "anthropic"),
    ("sk-or-", "openrouter"),
    ("sk-proj-", "openai"),
    ("sk-svcacct-", "openai"),
    ("sk-admin-", "openai"),
    ("AIza", "gemini"),
    ("AQ.Ab", "gemini"),
    ("gsk_", "groq"),
    ("xai-", "xai"),
    ("nvapi-", "nvidia"),
    ("csk-", "cerebras"),
    ("bce-v3/", "qianfan"),
    ("sk-sp-", "dashscope"),
];

/// Words of variable names; `AZURE_OPENAI_API_KEY` is Azure's, so it comes before OpenAI.
const WORDS: [(&str, &str); 24] = [
    ("AZURE", "azure"),
    ("OPENAI", "openai"),
    ("ANTHROPIC", "anthropic"),
    ("CLAUDE", "anthropic"),
    ("GEMINI", "gemini"),
    ("GOOGLE", "gemini"),
    ("OPENROUTER", "openrouter"),
    ("DEEPSEEK", "deepseek"),
    ("SILICONFLOW", "siliconflow"),
    ("MOONSHOT", "moonshot"),
    ("KIMI", "moonshot"),
    ("DASHSCOPE", "dashscope"),
    ("QWEN", "dashscope"),
    ("BAILIAN", "dashscope"),
    ("QIANFAN", "qianfan"),
    ("ERNIE", "qianfan"),
    ("GROQ", "groq"),
    ("MISTRAL", "mistral"),
    ("XAI", "xai"),
    ("GROK", "xai"),
    ("NVIDIA", "nvidia"),
    ("CEREBRAS", "cerebras"),
    ("CLOUDFLARE", "workers-ai"),
    ("OLLAMA", "ollama"),
];

/// By the key's well-known beginning.
pub fn guess_provider(secret: &str) -> Option<&'static str> {
    BEGINNINGS.iter().find(|(beginning, _)| secret.starts_with(beginning)).map(|(_, provider)| *provider)
}

/// By the words of a variable's name: `GEMINI_API_KEY_1`.
pub fn of_variable(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    WORDS.iter().find(|(word, _)| name.split('_').any(|part| part == *word)).map(|(_, provider)| *provider)
}
