//! docs/RESILIENCE.md, whose numbers stand between markers, and its picture.

use super::{
    goal::{Goal, Played},
    plot, table,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// (path, text) of what is generated.
fn files(played: &[Played], goals: &[Goal]) -> Result<[(PathBuf, String); 2], String> {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let (page, picture) = (docs.join("RESILIENCE.md"), docs.join("resilience.svg"));
    let text = read(&page)?;
    let text = between(&text, "goals", &table::goals(goals))?;
    let text = between(&text, "scenarios", &table::scenarios(played))?;
    Ok([(page, text), (picture, plot::svg(played))])
}

pub fn write(played: &[Played], goals: &[Goal]) -> Result<(), String> {
    for (path, text) in files(played, goals)? {
        fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// Whether the documents say what this run has shown.
pub fn is_current(played: &[Played], goals: &[Goal]) -> Result<(), String> {
    for (path, text) in files(played, goals)? {
        if read(&path)? != text {
            return Err("docs/ does not hold these numbers: run `npm run bench:resilience`.".into());
        }
    }
    Ok(())
}

/// A checkout may have other line ends.
fn read(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text.replace("\r\n", "\n"))
}

fn between(text: &str, name: &str, fresh: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("docs/RESILIENCE.md has no part `{name}`");
    let (head, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, tail) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{head}{begin}\n{fresh}\n{end}{tail}"))
}
