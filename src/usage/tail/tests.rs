//! Answers and streams in the shape of each dialect, whole and cut at every byte.
use super::{Counts, Tokens};

const fn tokens(prompt: u64, completion: u64, cached: u64, reasoning: u64) -> Tokens {
    Tokens { prompt, completion, cached, reasoning, estimated: false }
}

fn read(part: &[u8], sse: bool) -> Option<Tokens> {
    let mut counts = Counts::default();
    super::read(part, sse, &mut counts);
    counts.tokens()
}

/// A cut stream may tell less, but nothing that it did not say.
fn check(sse: bool, answer: &str, expected: Tokens) {
    assert_eq!(read(answer.as_bytes(), sse), Some(expected), "{answer}");
    for cut in 1..answer.len() {
        let bytes = answer.as_bytes();
        for part in [&bytes[cut..], &bytes[..cut]] {
            let Some(found) = read(part, sse) else { continue };
            let less = found.prompt <= expected.prompt && found.completion <= expected.completion;
            assert!(less && found.cached <= expected.cached, "{found:?} {}", String::from_utf8_lossy(part));
        }
    }
}

const CHAT: &str = r#"{"prompt_tokens":1200,"completion_tokens":340,"total_tokens":1540,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":128}}"#;

#[test]
fn a_chat_answer_ends_with_its_usage() {
    let answer = format!(
        "{{\"id\":\"c\",\"choices\":[{{\"message\":{{\"content\":\"é {}\"}}}}],\"usage\":{CHAT},\"service_tier\":\"default\"}}\n",
        r#"{\"usage\":{\"prompt_tokens\":9999,\"completion_tokens\":9999}}"#
    );
    check(false, &answer, tokens(1200, 340, 1024, 128));
    let usage_at = answer.rfind("\"usage\"").unwrap();
    for start in (0..=usage_at).filter(|at| answer.is_char_boundary(*at)) {
        assert_eq!(read(&answer.as_bytes()[start..], false), Some(tokens(1200, 340, 1024, 128)), "from {start}");
    }
}

#[test]
fn a_chat_stream_says_it_in_its_last_chunk() {
    let stream = format!(
        ": comment\r\n\r\ndata: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}],\"usage\":null}}\r\n\r\n\
         data: {{\"choices\":[],\"usage\":{CHAT}}}\r\n\r\ndata: [DONE]\r\n\r\n",
        r#"\"usage\":{\"prompt_tokens\":9999}"#
    );
    check(true, &stream, tokens(1200, 340, 1024, 128));
    let usage_at = stream.rfind("\"usage\"").unwrap();
    for start in 0..=usage_at {
        assert_eq!(read(&stream.as_bytes()[start..], true), Some(tokens(1200, 340, 1024, 128)), "from {start}");
    }
}

#[test]
fn running_totals_and_odd_places_count_once() {
    // Running totals: each chunk repeats and replaces.
    let running = "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\n\
                   data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
    check(true, running, tokens(5, 2, 0, 0));
    // console.groq.com/docs/text-chat and platform.moonshot.cn/docs/api/chat
    check(
        true,
        "data: {\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}}\n\n",
        tokens(5, 2, 0, 0),
    );
    check(
        true,
        "data:{\"choices\":[{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}]}\n\n",
        tokens(5, 2, 0, 0),
    );
    // api-docs.deepseek.com/guides/kv_cache
    check(
        false,
        r#"{"usage":{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}}"#,
        tokens(10, 1, 8, 0),
    );
    check(false, r#"{"data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}"#, tokens(8, 0, 0, 0));
    check(false, r#"{"results":[],"usage":{"total_tokens":21}}"#, tokens(21, 0, 0, 0));
    check(
        true,
        "data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n",
        tokens(3, 4, 0, 0),
    );
}

#[test]
fn the_responses_api_nests_it() {
    let usage = r#"{"input_tokens":37,"input_tokens_details":{"cached_tokens":11},"output_tokens":90,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":127}"#;
    let response = format!(
        "{{\"id\":\"r\",\"object\":\"response\",\"output\":[{{\"text\":\"{}\"}}],\"usage\":{usage},\"user\":null,\"metadata\":{{}}}}",
        "a \\\"long\\\" text".repeat(20)
    );
    check(false, &response, tokens(37, 90, 11, 64));
    let stream = format!(
        "event: response.created\ndata: {{\"type\":\"response.created\",\"response\":{{\"usage\":null}}}}\n\n\
         event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{response},\"sequence_number\":9}}\n\n"
    );
    check(true, &stream, tokens(37, 90, 11, 64));
    // The last event holds the whole answer and is often longer than the tail.
    let usage_at = stream.rfind("\"usage\"").unwrap();
    for start in 0..=usage_at {
        assert_eq!(read(&stream.as_bytes()[start..], true), Some(tokens(37, 90, 11, 64)), "from {start}");
    }
}

#[test]
fn anthropic_counts_the_cache_beside_the_input() {
    let stream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[],\"usage\":{\"input_tokens\":25,\
                  \"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":100,\"output_tokens\":1}}}\n\n\
                  event: content_block_delta\ndata: {\"delta\":{\"partial_json\":\"{\\\"usage\\\":{\\\"input_tokens\\\":7}}\"}}\n\n\
                  event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":15}}\n\n\
                  event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    check(true, stream, tokens(130, 15, 100, 0));
    let said_again = stream.replace(
        "event: message_stop",
        "event: message_delta\ndata: {\"usage\":{\"input_tokens\":25}}\n\nevent: message_stop",
    );
    check(true, &said_again, tokens(130, 15, 100, 0));
    let delta_at = stream.find("event: message_delta").unwrap();
    assert_eq!(read(&stream.as_bytes()[delta_at..], true), Some(tokens(0, 15, 0, 0)));
    let answer = r#"{"content":[{"type":"tool_use","input":{"usage":{"input_tokens":9,"output_tokens":9}}}],"usage":{"input_tokens":10,"cache_read_input_tokens":4,"output_tokens":20}}"#;
    check(false, answer, tokens(14, 20, 4, 0));
    // A gateway's mix of both dialects: `prompt_tokens` contains the cache already.
    check(
        false,
        r#"{"usage":{"prompt_tokens":130,"completion_tokens":15,"cache_read_input_tokens":100,"prompt_tokens_details":{"cached_tokens":100}}}"#,
        tokens(130, 15, 100, 0),
    );
}

#[test]
fn gemini_has_names_of_its_own() {
    let chunk = r#"{"candidates":[{"content":{}}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":4,"totalTokenCount":42,"thoughtsTokenCount":30,"cachedContentTokenCount":2},"modelVersion":"m"}"#;
    check(false, chunk, tokens(8, 34, 2, 30));
    check(true, &format!("data: {chunk}\r\n\r\n"), tokens(8, 34, 2, 30));
}

#[test]
fn tool_input_of_a_cut_answer_is_not_usage() {
    let answer = r#"{"content":[{"input":{"usage":{"input_tokens":9,"output_tokens":9}}}],"stop":"tool_use"}"#;
    for start in 0..answer.len() {
        assert_eq!(read(&answer.as_bytes()[start..], false), None);
    }
    let last = r#"text \" more"}}],"usage":{"input_tokens":1,"output_tokens":2},"x":{"usage":{"input_tokens":9}}}"#;
    assert_eq!(read(last.as_bytes(), false), Some(tokens(1, 2, 0, 0)));
}

#[test]
fn what_is_not_believable_is_absent() {
    for answer in [
        "",
        "usage",
        "{\"usage\":null}",
        "{\"usage\":{}}",
        "{\"usage\":[1]}",
        r#"{"usage":{"prompt_tokens":-1}}"#,
        r#"{"usage":{"prompt_tokens":1e30,"completion_tokens":"7"}}"#,
        r#"{"usage":{"prompt_tokens":1000000000001}}"#,
        r#"{"usage":{"type":"duration","seconds":3}}"#,
        r#"{"text":"a","x\"usage":{"prompt_tokens":1}}"#,
        "\u{0}\u{1}\"usage\":{\"prompt_tokens\":1}",
    ] {
        assert_eq!(read(answer.as_bytes(), false), None, "{answer}");
    }
    assert_eq!(read(b"\xff\xfe\"usage\":{\"prompt_tokens\":1}}", false), Some(tokens(1, 0, 0, 0)));
    let most = r#"{"usage":{"prompt_tokens":1000000000000,"completion_tokens":1000000000000,"prompt_tokens_details":{"cached_tokens":1000000000000}}}"#;
    assert_eq!(read(most.as_bytes(), false).unwrap().cached, 1_000_000_000_000);
}

#[test]
fn reasoning_that_only_the_total_holds_is_output() {
    // xAI: docs.x.ai/docs/guides/reasoning
    let xai = r#"{"usage":{"prompt_tokens":32,"completion_tokens":9,"total_tokens":151,"completion_tokens_details":{"reasoning_tokens":110}}}"#;
    check(false, xai, tokens(32, 119, 0, 110));
    // Gemini's OpenAI endpoint does not say what the difference is.
    let gemini = r#"{"choices":[],"usage":{"completion_tokens":4,"prompt_tokens":8,"total_tokens":42}}"#;
    check(true, &format!("data: {gemini}\n\ndata: [DONE]\n\n"), tokens(8, 34, 0, 30));
    // A total of Anthropic's shape holds the cache, and no more output.
    let mixed = r#"{"usage":{"input_tokens":10,"cache_read_input_tokens":100,"output_tokens":5,"total_tokens":115}}"#;
    check(false, mixed, tokens(110, 5, 100, 0));
    let native = r#"{"usageMetadata":{"promptTokenCount":8,"toolUsePromptTokenCount":5,"candidatesTokenCount":4,"totalTokenCount":17}}"#;
    check(false, native, tokens(13, 4, 0, 0));
}

#[test]
fn pictures_speech_and_rankings_are_counted_where_they_have_tokens() {
    // platform.openai.com/docs/api-reference: images, audio/transcriptions
    let image = r#"{"created":1,"data":[{"b64_json":"aGk="}],"usage":{"total_tokens":1200,"input_tokens":50,"output_tokens":1150,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
    check(false, image, tokens(50, 1150, 0, 0));
    let drawn = format!(
        "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"b64_json\":\"{}\",\"usage\":{}}}\n\n",
        "aGk".repeat(50),
        r#"{"total_tokens":1200,"input_tokens":50,"output_tokens":1150}"#
    );
    check(true, &drawn, tokens(50, 1150, 0, 0));
    let text = r#"{"text":"hi","usage":{"type":"tokens","total_tokens":42,"input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":28}}"#;
    check(false, text, tokens(14, 28, 0, 0));
    check(true, &format!("data: {text}\n\n"), tokens(14, 28, 0, 0));
    let ranking = r#"{"id":"r","results":[{"index":0}],"meta":{"billed_units":{"input_tokens":0,"output_tokens":0,"search_units":1},"tokens":{"input_tokens":28,"output_tokens":3}}}"#;
    assert_eq!(read(ranking.as_bytes(), false), Some(tokens(28, 3, 0, 0)));
}

#[test]
fn a_stream_that_broke_off_counts_what_it_said() {
    let begin = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":3}}}\n\n";
    let mut counts = Counts::default();
    super::read(begin.as_bytes(), true, &mut counts);
    assert_eq!(counts.tokens(), Some(tokens(25, 3, 0, 0)));
    assert!(counts.says_input() && !counts.says_output(), "the first event's output is that of the first token");
    let more =
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":15}}\n\nevent: err";
    super::read(more.as_bytes(), true, &mut counts);
    assert_eq!(counts.tokens(), Some(tokens(25, 15, 0, 0)));
    assert!(counts.says_output());
}
