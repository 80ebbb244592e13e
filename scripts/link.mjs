#!/usr/bin/env node
// rustc's linker for wasm, told to leave out what the crate wasm-streams exports and nobody here calls. An export is the
// root of all that it reaches: once linked, its futures and their tables cannot be told from those in use.
import { spawnSync } from "node:child_process";

const UNUSED = /^(__wbg_|__wbindgen_describe_)?intounderlying/;

const given = process.argv.slice(2);
const isUnused = (at) => given[at] === "--export" && UNUSED.test(given[at + 1]);
const args = given.filter((_, at) => !isUnused(at) && !isUnused(at - 1));
// rustc has put the folder of its own linker on the PATH.
const { status, error } = spawnSync("rust-lld", args, { stdio: "inherit" });
if (error) console.error(`rust-lld cannot be started: ${error.message}`);
process.exit(status ?? 1);
