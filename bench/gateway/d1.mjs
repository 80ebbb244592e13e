// A D1 outside of the measured process, as it is outside of the isolate in production: SQLite behind the HTTP that workerd's
// D1 binding speaks.
import { serve } from "./served.mjs";

export async function startD1() {
  // Of Node 22 and later, which a script's own imports cannot wait for.
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const statements = new Map();

  function prepared(sql) {
    if (!statements.has(sql)) {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      statements.set(sql, statement);
    }
    return statements.get(sql);
  }

  function run({ sql, params }, format) {
    const statement = prepared(sql);
    const columns = statement.columns().map(({ name }) => name);
    const rows = statement.all(...(params ?? []));
    const results = format === "ROWS_AND_COLUMNS" ? { columns, rows } : rows.map((row) => named(columns, row));
    return { success: true, results, meta: { served_by: "bench", duration: 0, changes: 0, last_row_id: 0, rows_read: 0, rows_written: 0 } };
  }

  /// All of them or none, as D1 does.
  function transaction(queries, format) {
    database.exec("begin");
    try {
      const answers = queries.map((query) => run(query, format));
      database.exec("commit");
      return answers;
    } catch (error) {
      database.exec("rollback");
      // Tables may be made meanwhile, and what did not prepare is asked again.
      return { success: false, error: error.message };
    }
  }

  return serve(async (request, url, body) => {
    const queries = [JSON.parse(body)].flat();
    const answer = transaction(queries, url.searchParams.get("resultsFormat"));
    return { headers: { "content-type": "application/json" }, body: JSON.stringify(answer) };
  });
}

const named = (columns, row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]));
