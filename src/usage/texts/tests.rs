use super::{Shape, Texts};
use crate::usage::estimate::Estimate;

/// The texts' own tokens.
fn texts(texts: &[&str]) -> u64 {
    let mut estimate = Estimate::default();
    for text in texts {
        estimate.push(text.as_bytes());
        estimate.pause();
    }
    estimate.tokens()
}

/// However the body is cut, it has as many tokens as `expected` and `more` besides.
fn check(shape: Shape, body: &str, expected: &[&str], more: u64) {
    for size in (1..40).chain([body.len()]) {
        let mut seen = Texts::new(shape);
        for window in body.as_bytes().chunks(size) {
            seen.feed(window);
        }
        assert_eq!(seen.tokens(), texts(expected) + more, "windows of {size}: {body}");
        assert!(shape != Shape::Request || seen.is_whole(), "{body}");
    }
}

#[test]
fn messages_cost_their_texts_and_a_little_more() {
    check(
        Shape::Request,
        r#"{"model":"a long name","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"你好, \u4f60\ud83d\ude00\n\"x\" "}]}],"user":"someone","temperature":0.5}"#,
        &["system", "Be brief.", "user", "你好, 你😀\n\"x\" "],
        3 + 3 + 3,
    );
    check(
        Shape::Request,
        r#"{"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"find","input":{"where":"here","deep":{"n":1}}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"found it"}]}]}"#,
        &["Be brief.", "assistant", "find", "where", "here", "deep", "n", "user", "found it"],
        3 + 3 + 3 + 3 * 2 + 1,
    );
    check(
        Shape::Request,
        r#"{"instructions":"Be brief.","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"function_call_output","call_id":"c","output":"{\"t\":1}"}],"metadata":{"text":"no"}}"#,
        &["Be brief.", "user", "hi", "{\"t\":1}"],
        3 + 3 + 3,
    );
}

#[test]
fn texts_without_messages_cost_nothing_more() {
    check(Shape::Request, r#" {"input":"one text","model":"m"} "#, &["one text"], 0);
    check(Shape::Request, r#"{"input":["one text", "another"],"model":"m"}"#, &["one text", "another"], 0);
    check(Shape::Request, r#"{"prompt":[[1,22,333],[4]],"n":3}"#, &[], 4);
    check(Shape::Request, r#"{"prompt":"fn main","suffix":"}"}"#, &["fn main", "}"], 0);
}

#[test]
fn pictures_cost_by_their_detail() {
    let data = "A".repeat(500);
    let whole = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}"#);
    let small =
        format!(r#"{{"type":"image_url","image_url":{{"detail":"low","url":"data:image/png;base64,{data}"}}}}"#);
    let body = format!(r#"{{"messages":[{{"role":"user","content":[{whole},{small}]}}]}}"#);
    check(Shape::Request, &body, &["user"], 6 + 765 + 85);
    let input =
        r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a/b","detail":"low"}]}]}"#;
    check(Shape::Request, input, &["user"], 6 + 85);
    let source =
        r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAAA"}}]}]}"#;
    check(Shape::Request, source, &["user"], 6 + 765);
}

#[test]
fn tools_cost_their_words_and_what_openai_wraps_them_in() {
    check(
        Shape::Request,
        r#"{"messages":[],"tools":[{"type":"function","function":{"name":"find","description":"Finds it","parameters":{"type":"object","properties":{"place":{"type":"string","description":"Where","enum":["here","there"]}},"required":["place"]}}}]}"#,
        &["find", "Finds it", "place", "string", "Where", "here", "there"],
        12 + 8 + 3 + 5 + 3 + 3,
    );
}

#[test]
fn an_answer_has_what_the_model_said() {
    check(
        Shape::Answer,
        r#"{"id":"c","choices":[{"index":0,"logprobs":{"content":[{"token":"no"}]},"message":{"role":"assistant","content":"Hello there","tool_calls":[{"id":"t","function":{"name":"find","arguments":"{\"a\":1}"}}]}}]}"#,
        &["Hello there", "find", "{\"a\":1}"],
        0,
    );
    check(Shape::Answer, r#"{"choices":[{"text":" and so on"}]}"#, &[" and so on"], 0);
    check(
        Shape::Answer,
        r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"Hello"}]}],"text":{"format":{"type":"text"}}}"#,
        &["Hello"],
        0,
    );
    check(Shape::Answer, r#"{"role":"assistant","content":[{"type":"text","text":"Hello"}]}"#, &["Hello"], 0);
    check(Shape::Answer, r#"{"data":[{"embedding":[0.1,0.2]}]}"#, &[], 0);
}

#[test]
fn the_deltas_of_a_stream_are_one_text() {
    let check = |events: &str, expected: &[&str]| {
        for events in [events.to_owned(), events.replace('\n', "\r\n")] {
            let mut seen = Texts::new(Shape::Events);
            seen.feed_events(events.as_bytes());
            assert_eq!(seen.tokens(), texts(expected), "{events}");
        }
    };
    check(
        ": hi\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Extra\"}}]}\n\n\
         data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"ordinary\"}}]}\n\ndata: {\"choices\":[],\"usage\":null}\n\n\
         data: [DONE]\n\ndata: {\"choices\":[{\"delta\":{\"con",
        &["Extraordinary"],
    );
    check(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n\
         event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n\
         data: {\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n",
        &["Hi{}"],
    );
    check(
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n\
         event: response.output_text.done\ndata: {\"text\":\"Hi\"}\n\n\
         event: response.completed\ndata: {\"response\":{\"output\":[{\"content\":[{\"text\":\"Hi\"}]}]}}\n\n",
        &["Hi"],
    );
}

#[test]
fn usage_is_found_wherever_an_answer_has_it() {
    let usage = r#"{"prompt_tokens":8,"details":{"a":[1]}}"#;
    for body in [
        format!(r#"{{"model":"m","usage":{usage},"data":[{{"usage":{{"no":1}}}}]}}"#),
        format!(r#"{{"choices":[{{"message":{{"content":"\"usage\":{{}}"}}}}], "usage" : {usage}}}"#),
    ] {
        let mut seen = Texts::new(Shape::Answer);
        seen.feed(body.as_bytes());
        assert_eq!(seen.usage().and_then(|range| body.get(range)), Some(usage), "{body}");
    }
}

#[test]
fn what_is_no_request_is_not_whole() {
    for body in [
        "",
        "garbage",
        "[]",
        "{}",
        r#"{"model":"m"}"#,
        r#"{"messages":[}"#,
        r#"{"messages":[]"#,
        r#"{"messages":[]}}"#,
        r#"{"messages":[]} x"#,
        r#"{"messages":oops}"#,
        r#"{"messages":["a}"#,
        r#"{messages:[]}"#,
        r#"{"messages":[],oops}"#,
    ] {
        let mut seen = Texts::new(Shape::Request);
        seen.feed(body.as_bytes());
        assert!(!seen.is_whole(), "{body}");
    }
}

#[test]
fn whatever_comes_is_survived() {
    let deep = format!(r#"{{"messages":{}"#, r#"[{"content":"#.repeat(500));
    let odd = [deep.as_str(), r#"{"messages":"\ud800x\ud83d\n\ud83d"}"#, "}}]]\"\\u", r#"{"a\u0041":"\u00"}"#];
    for body in odd {
        for shape in [Shape::Request, Shape::Answer, Shape::Events] {
            let mut seen = Texts::new(shape);
            seen.feed(body.as_bytes());
            seen.feed_events(body.as_bytes());
            assert!(seen.tokens() < 3000);
        }
    }
}
