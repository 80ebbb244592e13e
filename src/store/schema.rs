//! The schema: the files of `migrations/`, applied by the Worker itself and noted where `wrangler d1 migrations
//! apply` notes them, so that either may come first.

/// Append only.
pub const MIGRATIONS: [(&str, &str); 5] = [
    ("0001_begin.sql", include_str!("../../migrations/0001_begin.sql")),
    ("0002_usage.sql", include_str!("../../migrations/0002_usage.sql")),
    ("0003_requests.sql", include_str!("../../migrations/0003_requests.sql")),
    ("0004_cache.sql", include_str!("../../migrations/0004_cache.sql")),
    ("0005_audit.sql", include_str!("../../migrations/0005_audit.sql")),
];

/// Wrangler's own table of what was applied.
pub const TABLE: &str = "create table if not exists d1_migrations(id integer primary key autoincrement, \
    name text unique, applied_at timestamp default current_timestamp not null)";

/// The statements of a migration. Ours hold no semicolon but at a statement's end.
pub fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n").split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_known_in_order() {
        let mut files: Vec<String> = std::fs::read_dir("migrations")
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, MIGRATIONS.map(|(name, _)| name));
    }

    #[test]
    fn statements_are_split_where_they_end() {
        for (name, sql) in MIGRATIONS {
            for statement in statements(sql) {
                let word = statement.split_whitespace().next().unwrap();
                assert!(["create", "insert", "alter", "update"].contains(&word), "{name}: {statement}");
                assert!(statement.matches('(').count() == statement.matches(')').count(), "{name}: {statement}");
            }
        }
    }
}
