//! Which endpoints keep something, and which strings of their answers are ids.

/// What lies behind an endpoint that keeps something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Responses and conversations. Their items come and go with the conversation, which stays with one key anyway, so
    /// only ids of known kinds are tagged, and those of responses and conversations themselves.
    Talks,
    /// All else: every id in the answer is one that may come back.
    Objects,
}

/// `rest` is what follows `/v1/`. `None` when nothing is kept, or when the answer is a file's own content.
pub fn kept(rest: &str) -> Option<Kept> {
    let (first, behind) = rest.split_once('/').unwrap_or((rest, ""));
    match first {
        "responses" | "conversations" => Some(Kept::Talks),
        "files" | "containers" if behind.ends_with("/content") => None,
        "files" | "batches" | "fine_tuning" | "assistants" | "threads" | "vector_stores" | "uploads" | "evals"
        | "containers" => Some(Kept::Objects),
        _ => None,
    }
}

/// Whether a GET there lists what a key's account holds.
pub fn is_list(rest: &str) -> bool {
    let lists =
        ["files", "batches", "fine_tuning/jobs", "vector_stores", "assistants", "uploads", "evals", "containers"];
    lists.contains(&rest)
}

/// What a field's value may be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    #[default]
    Other,
    /// An id, or several of them.
    Id,
    /// The same, when it begins as ids of a kind that we know.
    Known,
    /// An object whose own id is one; or that id.
    Owner,
    /// The user's own, whatever it holds.
    Foreign,
}

/// OpenAI's, and what others took over of them.
const KINDS: [&str; 20] = [
    "file-",
    "file_",
    "cfile_",
    "batch_",
    "resp_",
    "conv_",
    "ftjob-",
    "ftckpt_",
    "asst_",
    "thread_",
    "run_",
    "step_",
    "vs_",
    "vsfb_",
    "upload_",
    "part_",
    "eval_",
    "evalrun_",
    "cntr_",
    "container_",
];

/// Names that end like those of ids, and are about something else or never sent back.
const OTHERS: [&str; 8] =
    ["custom_id", "call_id", "tool_call_id", "user_id", "model_id", "request_id", "project_id", "organization_id"];

impl Kept {
    /// Of the field `name`; `owned`: the object is what the call is about, not something inside of it.
    pub fn role(self, name: &str, owned: bool) -> Role {
        let id = match self {
            Self::Talks => Role::Known,
            Self::Objects => Role::Id,
        };
        match name {
            "metadata" => Role::Foreign,
            // An eval's rows.
            "item" | "sample" if self == Self::Objects => Role::Foreign,
            "response" | "conversation" => Role::Owner,
            "id" if owned => Role::Id,
            "previous_response_id" | "response_id" => Role::Id,
            "container" | "training_file" | "validation_file" | "result_files" => Role::Known,
            "id" => id,
            _ if OTHERS.contains(&name) => Role::Other,
            _ if name.ends_with("_id") || name.ends_with("_ids") => id,
            _ => Role::Other,
        }
    }
}

impl Role {
    /// Whether a string in that place is an id; that it looks like one is known.
    pub fn fits(self, text: &str) -> bool {
        match self {
            // A tool's calls are named by the model.
            Self::Id => !text.starts_with("call_"),
            Self::Known | Self::Owner => KINDS.iter().any(|kind| text.starts_with(kind)),
            Self::Other | Self::Foreign => false,
        }
    }
}
