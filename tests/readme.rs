//! The README and the other documents say what the code says, and their links lead somewhere.

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
    documents.extend(["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from));
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
