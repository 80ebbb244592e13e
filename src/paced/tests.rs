use super::*;
use serde_json::Value;

/// As `Intl.Segmenter` does it, as far as these tests go.
fn graphemes(text: &str) -> Vec<usize> {
    let mut lengths: Vec<usize> = Vec::new();
    let (mut flags, mut last) = (0, ' ');
    for c in text.chars() {
        let is_flag = ('\u{1f1e6}'..='\u{1f1ff}').contains(&c);
        flags = if is_flag { flags + 1 } else { 0 };
        let extends = matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}');
        let joins = extends || last == '\u{200d}' || is_flag && flags % 2 == 0 || (last, c) == ('\r', '\n');
        match lengths.last_mut() {
            Some(length) if joins => *length += c.len_utf8(),
            _ => lengths.push(c.len_utf8()),
        }
        last = c;
    }
    lengths
}

const HEAD: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","#;

fn event(delta: &str) -> String {
    format!(
        "data: {HEAD}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
    )
}

fn said(text: &str) -> String {
    event(&format!("{{\"content\":{}}}", Value::String(text.into())))
}

/// All that comes out of a pacer to which all came at once.
fn paced(pieces: &mut dyn Iterator<Item = &[u8]>, pace: Pace) -> String {
    let mut pacer = Pacer::new(pace);
    pieces.for_each(|piece| pacer.arrived(piece, 0, &graphemes));
    pacer.ended(0);
    String::from_utf8(pacer.take(MOST_MS)).unwrap()
}

fn events(stream: &str) -> Vec<&str> {
    stream.split_inclusive("\n\n").collect()
}

fn contents(stream: &str) -> Vec<String> {
    let data = events(stream).into_iter().filter_map(|event| event.trim_start().strip_prefix("data:"));
    let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok());
    let texts = chunks.map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_string));
    texts.flatten().collect()
}

/// The text comes in exactly these pieces, however the stream is cut.
fn check(delta: &str, pace: Pace, expected: &[&str]) {
    let stream = event(delta);
    let bytes = stream.as_bytes();
    let out = paced(&mut [bytes].into_iter(), pace);
    assert_eq!(contents(&out), expected, "{delta}");
    for at in 0..bytes.len() {
        let (one, two) = bytes.split_at(at);
        assert_eq!(paced(&mut [one, two].into_iter(), pace), out, "cut at {at}");
    }
    for size in 1..8 {
        assert_eq!(paced(&mut bytes.chunks(size), pace), out, "pieces of {size}");
    }
    let returns = stream.replace('\n', "\r\n");
    assert_eq!(paced(&mut returns.as_bytes().chunks(3), pace), out.replace('\n', "\r\n"));
    let returns = stream.replace('\n', "\r");
    assert_eq!(paced(&mut returns.as_bytes().chunks(5), pace), out.replace('\n', "\r"));
}

#[test]
fn a_text_is_cut_between_graphemes_and_nowhere_else() {
    let family = "👩\u{200d}👩\u{200d}👧";
    check(&format!("{{\"content\":\"a{family}b\"}}"), Pace::Character, &["a", family, "b"]);
    check(r#"{"content":"🇩🇪🇫🇷"}"#, Pace::Character, &["🇩🇪", "🇫🇷"]);
    check("{\"content\":\"e\u{301}x👍🏽\"}", Pace::Character, &["e\u{301}", "x", "👍🏽"]);
    check(r#"{"content":"日本語、"}"#, Pace::Character, &["日", "本", "語", "、"]);
    check(r#"{"content":"a\r\nb"}"#, Pace::Character, &["a", "\r\n", "b"]);
}

#[test]
fn an_escape_is_never_cut_and_stays_as_it_is() {
    let out =
        paced(&mut [event(r#"{"content":"\u00e9\ud83d\ude00\n\"\\e\u0301"}"#).as_bytes()].into_iter(), Pace::Character);
    let raw = [r"\u00e9", r"\ud83d\ude00", r"\n", "\\\"", r"\\", r"e\u0301"];
    assert_eq!(out, raw.map(|raw| event(&format!("{{\"content\":\"{raw}\"}}"))).concat());
    check(
        r#"{"content":"\u00e9\ud83d\ude00\n\"\\e\u0301"}"#,
        Pace::Character,
        &["é", "😀", "\n", "\"", "\\", "e\u{301}"],
    );
}

#[test]
fn a_batch_is_a_few_graphemes_up_to_a_blank() {
    check(r#"{"content":"Hello there, you all"}"#, Pace::Batch, &["Hello ", "there, ", "you ", "all"]);
    check(r#"{"content":"一二三四五六七八九十一二三"}"#, Pace::Batch, &["一二三四五六七八九十一二", "三"]);
    check(r#"{"content":"a"}"#, Pace::Batch, &["a"]);
}

#[test]
fn a_grapheme_that_began_in_the_chunk_before_goes_on() {
    // Alone, the second chunk would be a flag and a half.
    let stream = said("x🇩") + &said("🇪🇫🇷");
    assert_eq!(contents(&paced(&mut [stream.as_bytes()].into_iter(), Pace::Character)), ["x", "🇩", "🇪", "🇫🇷"]);
    let other = said("🇪🇫").replace("\"index\":0", "\"index\":1");
    let stream = said("x🇩") + &other;
    assert_eq!(contents(&paced(&mut [stream.as_bytes()].into_iter(), Pace::Character)), ["x", "🇩", "🇪🇫"]);
}

#[test]
fn a_role_that_is_told_in_every_chunk_is_told_once_for_its_pieces() {
    for delta in [r#"{"role":"assistant","content":"ab"}"#, r#"{"content":"ab" , "role": "assistant"}"#] {
        let out = paced(&mut [event(delta).as_bytes()].into_iter(), Pace::Character);
        assert_eq!(contents(&out), ["a", "b"], "{delta}");
        assert_eq!(out.matches("role").count(), 1, "{out}");
        assert!(events(&out)[0].contains("role"), "{out}");
    }
}

#[test]
fn what_is_more_than_a_text_passes_as_it_is() {
    let text = said("two words");
    let strange = [
        text.replace("\"index\":0", "\"index\":0,\"new\":1"),
        text.replace("finish_reason\":null", "finish_reason\":\"stop\""),
        text.replace("logprobs\":null", "logprobs\":{\"content\":[]}"),
        text.replace("\"choices\"", "\"usage\":{\"total_tokens\":1},\"choices\""),
        text.replace("\"id\":\"c\"", "\"id\":{\"of\":\"c\"}"),
        text.replace("data:", "event: x\ndata:"),
        text.replace("data:", "id: 1\ndata:"),
        text.replace("data:", "data: \ndata:"),
        text.replace("\n\n", "\nid: 7\n\n"),
        text.replace("]}\n", "]} x\n"),
        text.replace("}]}\n", "},{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n"),
        text.replace("\"choices\":[", "\"choices\":[],\"choices\":["),
        text.replace("content\":", "content\":\"a\",\"content\":"),
        event(r#"{"content":"two words","reasoning_content":"hm"}"#),
        event(r#"{"reasoning_content":"two words"}"#),
        event(r#"{"content":"two words","tool_calls":[{"index":0}]}"#),
        event(r#"{"content":"cut \ud83d"}"#),
        event(r#"{"content":""}"#),
        event("{}"),
        ": OPENROUTER PROCESSING\n\n".into(),
        "data: [DONE]\n\n".into(),
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"two words\"}\n\n".into(),
        "\n".into(),
    ];
    for event in strange {
        assert_eq!(paced(&mut event.as_bytes().chunks(7), Pace::Character), event);
        let all = format!("{text}{event}{text}");
        assert_eq!(contents(&paced(&mut all.as_bytes().chunks(9), Pace::Batch)).concat(), contents(&all).concat());
    }
    let cut = text.trim_end();
    assert_eq!(paced(&mut [cut.as_bytes()].into_iter(), Pace::Character), cut);
}

#[test]
fn what_is_null_may_be_told_again() {
    check(
        r#"{"content":"ab","refusal":null,"tool_calls":null,"reasoning_content": null}"#,
        Pace::Character,
        &["a", "b"],
    );
    let usage = said("ab").replace("\"choices\"", "\"usage\": null, \"obfuscation\":\"x\",\"choices\"");
    assert_eq!(contents(&paced(&mut [usage.as_bytes()].into_iter(), Pace::Character)), ["a", "b"]);
}

#[test]
fn a_long_text_becomes_no_more_pieces_than_there_is_place_for() {
    let text = "words and ".repeat(5000);
    let out = paced(&mut [said(&text).as_bytes()].into_iter(), Pace::Character);
    assert_eq!(contents(&out).concat(), text);
    assert!((2..=MOST_PIECES).contains(&contents(&out).len()), "{}", contents(&out).len());
    let longer = said(&"x".repeat(100_000));
    assert_eq!(paced(&mut longer.as_bytes().chunks(4096), Pace::Character), longer);
    let after = format!("{longer}{}", said("ab"));
    assert_eq!(contents(&paced(&mut after.as_bytes().chunks(4096), Pace::Character)).len(), 3);
}

const MOST_PIECES: usize = 1000;

/// Runs the clock by the millisecond; answers each text with the time when it went out. `arrivals` are times and
/// bytes.
fn run(arrivals: &[(u64, String)], pace: Pace) -> Vec<(u64, String)> {
    let (mut pacer, mut out, mut wake) = (Pacer::new(pace), Vec::new(), 0);
    let end = arrivals.last().map_or(0, |(at, _)| *at);
    let mut coming = arrivals.iter().peekable();
    for now in 0..=end + 3000 {
        let mut news = false;
        while let Some((_, bytes)) = coming.next_if(|(at, _)| *at == now) {
            pacer.arrived(bytes.as_bytes(), now, &graphemes);
            news = true;
        }
        if now == end {
            pacer.ended(now);
        }
        if news || now >= wake {
            let gone = String::from_utf8(pacer.take(now)).unwrap();
            out.extend(events(&gone).into_iter().map(|event| (now, event.to_string())));
            wake = pacer.wait_ms(now).map_or(u64::MAX, |wait| now + wait);
        }
    }
    assert_eq!(pacer.wait_ms(end + 3000), None);
    out
}

#[test]
fn a_burst_is_spread_until_the_next_one_is_expected() {
    let arrivals: Vec<(u64, String)> = (0..10).map(|n| (n * 500, said("twenty letters in it"))).collect();
    let out = run(&arrivals, Pace::Character);
    let texts: String = out.iter().flat_map(|(_, event)| contents(event)).collect();
    assert_eq!(texts, "twenty letters in it".repeat(10));
    // By the fifth burst the gap is known.
    let times: Vec<u64> = out.iter().map(|(at, _)| *at).filter(|at| (2500..3000).contains(at)).collect();
    assert!(times.len() >= 18 && times.last().unwrap() - times[0] >= 380, "{times:?}");
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(pauses.max().unwrap() <= 60, "{times:?}");
}

#[test]
fn what_comes_evenly_goes_out_evenly_and_at_once() {
    let arrivals: Vec<(u64, String)> = (0..200).map(|n| (n * 5, said("word "))).collect();
    let out = run(&arrivals, Pace::Batch);
    let added = out.iter().zip(&arrivals).map(|((out, _), (came, _))| out - came).max().unwrap();
    assert!(added <= 160, "{added}");
    assert!(out.last().unwrap().0 - arrivals.last().unwrap().0 <= 30);
}

#[test]
fn never_more_than_two_seconds_are_added_whatever_the_upstream_does() {
    let text = |n: u64| said(&"some words of a model ".repeat(usize::try_from(n % 90 + 1).unwrap()));
    let mut seed = 7_u64;
    for round in 0..10 {
        let mut at = 0;
        let arrivals: Vec<(u64, String)> = (0..30)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let pause = [1, 30, 400, 3000][usize::try_from(seed >> 62).unwrap()];
                at += (seed >> 33) % pause;
                (at, if seed.is_multiple_of(9) { ": ping\n\n".into() } else { text(seed >> 40) })
            })
            .collect();
        let out = run(&arrivals, if round % 2 == 0 { Pace::Batch } else { Pace::Character });
        let (mut gone, mut came) =
            (0, arrivals.iter().flat_map(|(at, text)| contents(text).into_iter().map(move |t| (*at, t))));
        let mut owed = came.next();
        for (time, event) in &out {
            for text in contents(event) {
                let (at, whole) = owed.clone().unwrap();
                assert!(*time >= at && time - at <= 2000, "round {round}: came at {at}, went at {time}");
                gone += text.len();
                if gone == whole.len() {
                    (gone, owed) = (0, came.next());
                }
            }
        }
        assert_eq!(owed, None);
    }
}

#[test]
fn what_is_no_text_keeps_its_place() {
    let stop = event("{}").replace("finish_reason\":null", "finish_reason\":\"stop\"");
    let out = run(&[(0, said("some words here") + &stop + "data: [DONE]\n\n")], Pace::Character);
    let last: Vec<&str> = out.iter().rev().take(2).map(|(_, event)| event.as_str()).collect();
    assert_eq!(last, ["data: [DONE]\n\n", stop.as_str()]);
    let out = run(&[(0, ": ping\n\n".into()), (100, said("a"))], Pace::Character);
    assert_eq!(out[0], (0, ": ping\n\n".to_string()));
}

#[test]
fn too_much_is_not_held() {
    let mut pacer = Pacer::new(Pace::Character);
    for _ in 0..20 {
        pacer.arrived(said(&"x".repeat(2000)).as_bytes(), 0, &graphemes);
        pacer.take(0);
        assert!(pacer.held <= HELD, "{}", pacer.held);
    }
}
