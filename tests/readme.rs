//! The README and the other documents say what the code says, their links lead somewhere, and the README in Chinese says
//! what the one in English says.

use keypool::config::SETTINGS;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All files below `folder` with this ending.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path, ending)?);
        } else if path.extension().is_some_and(|e| e == ending) {
            files.push(path);
        }
    }
    Ok(files)
}

fn documents() -> std::io::Result<Vec<PathBuf>> {
    let mut documents = files(Path::new("docs"), "md")?;
    documents.extend(["README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from));
    Ok(documents)
}

fn sources() -> std::io::Result<String> {
    files(Path::new("src"), "rs")?.iter().map(fs::read_to_string).collect()
}

/// Every word of `letters` in the text that begins with `beginning`.
fn words<'a>(text: &'a str, beginning: &'a str, letters: fn(char) -> bool) -> BTreeSet<&'a str> {
    let from_here = text.match_indices(beginning).filter_map(|(at, _)| text.get(at..));
    from_here.map(|rest| rest.find(|c| !letters(c)).and_then(|end| rest.get(..end)).unwrap_or(rest)).collect()
}

/// The cells of the table under `heading`, less its head.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split_once(heading).map_or("", |(_, rest)| rest);
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
    rows.skip(2).map(cells).collect()
}

/// A heading and what stands below it.
#[derive(Default)]
struct Section {
    heading: String,
    /// Which block follows which.
    blocks: Vec<String>,
    /// The lines within fences, and those outside of them.
    code: String,
    text: String,
}

fn sections(document: &str) -> Vec<Section> {
    let (mut sections, mut section) = (Vec::new(), Section::default());
    let (mut fenced, mut after_blank) = (false, true);
    for line in document.lines() {
        let fence = line.starts_with("```");
        if fence && !fenced {
            section.blocks.push(line.to_string());
        } else if !fenced && line.starts_with('#') {
            sections.push(std::mem::take(&mut section));
            section.heading = line.to_string();
        } else if !fenced {
            section.blocks.extend(block(line, after_blank));
        }
        let part = if fenced || fence { &mut section.code } else { &mut section.text };
        part.extend([line, "\n"]);
        fenced ^= fence;
        after_blank = line.is_empty();
    }
    sections.push(section);
    sections
}

/// The block that begins with this line, if one does.
fn block(line: &str, after_blank: bool) -> Option<String> {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    match line {
        row if row.starts_with('|') => Some(format!("row of {}", row.matches('|').count() - 1)),
        item if item.starts_with("- ") => Some("item".into()),
        item if digits > 0 && item.get(digits..).is_some_and(|rest| rest.starts_with(". ")) => {
            Some(format!("item {}", item.get(..digits)?))
        }
        quote if quote.starts_with("> ") => Some("quote".into()),
        text => (after_blank && !text.is_empty() && !text.starts_with(' ')).then(|| "paragraph".into()),
    }
}

/// What is the same in every language.
#[derive(Debug, PartialEq)]
struct Facts<'a> {
    level: usize,
    blocks: &'a [String],
    code: &'a str,
    words: BTreeSet<String>,
    links: Vec<String>,
}

/// `other` is the README in the other language.
fn facts<'a>(sections: &'a [Section], other: &str) -> Vec<Facts<'a>> {
    let of = |section: &'a Section| {
        let targets = section.text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let mut links: Vec<String> = targets.map(|target| link(target, sections, other)).collect();
        links.sort();
        Facts {
            level: section.heading.chars().take_while(|c| *c == '#').count(),
            blocks: &section.blocks,
            code: &section.code,
            words: section.text.split('`').skip(1).step_by(2).map(|word| word.replace('\n', " ")).collect(),
            links,
        }
    };
    sections.iter().map(of).collect()
}

/// A link, less its language.
fn link(target: &str, sections: &[Section], other: &str) -> String {
    let place = |anchor: &str| sections.iter().position(|section| self::anchor(&section.heading) == anchor);
    match target.strip_prefix('#').map(place) {
        Some(Some(place)) => format!("heading {place}"),
        Some(None) => format!("{target}, which is no heading of the one that links to {other}"),
        None if target == other => "the other language".into(),
        None => target.into(),
    }
}

/// What GitHub makes of a heading: small letters, hyphens for blanks, no punctuation.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim_start().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The numbers in the text outside of code, as they are written: `5`, `0.2`, `11,520`.
fn numbers(text: &str) -> BTreeSet<&str> {
    let prose = text.split('`').step_by(2);
    let numbers = prose.flat_map(|part| part.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ','));
    numbers.map(|number| number.trim_matches(['.', ','])).filter(|number| !number.is_empty()).collect()
}

/// The README in English and in Chinese.
fn twins() -> std::io::Result<[Vec<Section>; 2]> {
    Ok([sections(&fs::read_to_string("README.md")?), sections(&fs::read_to_string("README.zh.md")?)])
}

/// The rows of things that have a name, less what is said about them in the last cell.
fn named(section: &Section) -> Vec<Vec<&str>> {
    let rows = section.text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').rsplit('|').skip(1).map(str::trim).collect()).collect()
}

#[test]
fn the_settings_table_is_that_of_the_code() {
    let readme = fs::read_to_string("README.md").unwrap();
    let expected: Vec<Vec<String>> = SETTINGS
        .iter()
        .map(|s| vec![format!("`{}`", s.name), format!("`{}`", s.var), s.default(), s.about.to_string()])
        .collect();
    assert_eq!(table(&readme, "\n## Settings\n"), expected, "README.md's settings are not those of src/config.rs.");
}

#[test]
fn every_var_and_secret_that_the_code_reads_stands_in_the_readme() {
    let (readme, sources) = (fs::read_to_string("README.md").unwrap(), sources().unwrap());
    let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
    let mut names = words(&sources, "KEYPOOL_", is_name);
    names.extend(sources.split(".var(\"").skip(1).filter_map(|rest| rest.split('"').next()));
    assert!(names.len() > SETTINGS.len(), "The vars in src/ were not found.");
    let missing: Vec<&&str> = names.iter().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "README.md does not mention {missing:?}.");
}

#[test]
fn every_link_leads_to_a_file() {
    for document in documents().unwrap() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let images =
            text.split("src=\"").chain(text.split("srcset=\"")).skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.chain(images.filter(|link| link.ends_with(".png"))) {
            let path = link.split('#').next().unwrap();
            let outside = path.contains("://") || path.is_empty();
            assert!(
                outside || folder.join(path).exists(),
                "{} links to {link}, which is not there.",
                document.display()
            );
        }
    }
}

#[test]
fn every_decision_that_the_code_names_is_written_down() {
    let sources = sources().unwrap();
    let names = words(&sources, "docs/adr/", |c| c.is_ascii_alphanumeric() || "/_.-".contains(c));
    assert!(!names.is_empty());
    let all = files(Path::new("docs/adr"), "md").unwrap();
    for name in names.iter().map(|name| name.trim_end_matches('.')) {
        let there = all.iter().any(|path| path.to_string_lossy().starts_with(name));
        assert!(there, "src/ refers to {name}, and there is no such file.");
    }
}

#[test]
fn the_chinese_readme_has_the_sections_blocks_code_and_links_of_the_english_one() {
    let [english, chinese] = twins().unwrap();
    let (ours, theirs) = (facts(&english, "README.zh.md"), facts(&chinese, "README.md"));
    assert!(ours[1].links.contains(&"the other language".to_string()), "README.md does not link to README.zh.md.");
    for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(
            ours, theirs,
            "README.md (left) under {:?}, README.zh.md under {:?}.",
            english[i].heading, chinese[i].heading
        );
    }
    assert_eq!(english.len(), chinese.len(), "README.md and README.zh.md have not the same number of headings.");
}

#[test]
fn the_chinese_readme_has_the_settings_secrets_and_defaults_of_the_english_one() {
    let [english, chinese] = twins().unwrap();
    let at = english.iter().position(|section| section.heading == "## Settings").unwrap();
    let rows = named(&english[at]);
    assert!(
        rows.len() > SETTINGS.len() && rows.iter().any(|row| row == &["`ADMIN_PASSWORD`"]),
        "No settings: {rows:?}"
    );
    assert_eq!(
        rows,
        named(&chinese[at]),
        "README.md (left) under ## Settings, README.zh.md under {}.",
        chinese[at].heading
    );
}

#[test]
fn the_chinese_readme_has_every_number_of_the_english_one() {
    let [english, chinese] = twins().unwrap();
    for (ours, theirs) in english.iter().zip(&chinese) {
        let (expected, there) = (numbers(&ours.text), numbers(&theirs.text));
        let missing: Vec<&&str> = expected.difference(&there).collect();
        assert!(
            missing.is_empty(),
            "{missing:?} of README.md's {:?} are not in README.zh.md's {:?}.",
            ours.heading,
            theirs.heading
        );
    }
}
