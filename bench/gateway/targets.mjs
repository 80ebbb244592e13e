// The targets, and what a run found of each.

/// `{group, of, what, most, bound, found, possible, met}` of each whose scenario was run; `bound`, `found` and `possible` are for
/// people. What is possible was measured in the same run: a Worker that does what must be done with the runtime, and nothing else.
export function targets(results) {
  const found = new Map(results.map((result) => [result.name, result]));
  return TARGETS.filter(({ of }) => found.has(of)).map(({ group, what, most, atLeast, unit = "", digits = 2, of, value, least: possible }) => {
    const number = value(found.get(of));
    const shown = (number) => (number === null ? "" : `${number.toFixed(digits)}${unit}`);
    const met = number !== null && (most === undefined ? number >= atLeast : number <= most);
    const bound = most === undefined ? `at least ${atLeast}` : `at most ${most}`;
    return { group, of, what, most, bound: `${bound}${unit}`, found: shown(number), possible: possible ? shown(possible(found.get(of))) : "", met };
  });
}

const KEYPOOL = "keypool on D1";
const row = (result, name = KEYPOOL) => result.rows.find((row) => row.name === name);
/// What a Worker in Rust, or in JavaScript, has to do, and no more.
const RUST = "the same in Rust";
const BARE = "what the runtime takes";
const ratio = (name) => (result) => row(result, name).ratio.p50;
/// Of a time over the floor's, in ms.
const more = (what, name) => (result) => (row(result, name)[what].p50 - result.rows[0][what].p50) / 1000;
const at = (share) => (result) => result.rows.find((row) => row.share === share);
const loaded = (share, value) => (result) => value(at(share)(result));
const under = (share, load) => [
  { group: 6, of: "overload", what: `errors at ${load} of capacity`, most: 0, digits: 0, value: loaded(share, ({ errors, refused }) => errors + refused) },
  { group: 6, of: "overload", what: `upstream calls of an answer at ${load}`, most: 1.02, digits: 3, value: loaded(share, ({ calls }) => calls) },
  { group: 6, of: "overload", what: `p99 over that of ten good keys at ${load}`, most: 20, unit: " ms", digits: 0, value: loaded(share, ({ p99, wellP99 }) => p99 - wellP99) },
];

const TARGETS = [
  { group: 1, of: "small-32", what: "CPU of a small chat, 32 at a time, to the floor", most: 1.6, value: ratio(), least: ratio(RUST) },
  { group: 1, of: "small-1", what: "CPU of a small chat, one at a time", most: 1.8, value: ratio(), least: ratio(RUST) },
  { group: 1, of: "json-20k", what: "CPU of an answer of 20 KB", most: 1.7, value: ratio(), least: ratio(RUST) },
  { group: 2, of: "stream-fast", what: "CPU of a chunk, back to back", most: 1.3, value: ratio(), least: ratio(BARE) },
  { group: 2, of: "stream-5ms", what: "CPU of a chunk, one each 5 ms", most: 1.25, value: ratio(), least: ratio(BARE) },
  { group: 2, of: "stream-5ms", what: "delay added to a chunk", most: 0.1, unit: " ms", digits: 3, value: more("delay"), least: more("delay", BARE) },
  { group: 2, of: "stream-first", what: "first content later by", most: 1, unit: " ms", value: more("first"), least: more("first", BARE) },
  { group: 3, of: "body-1m", what: "CPU of a body of 1 MB", most: 1.6, value: ratio(), least: ratio(RUST) },
  { group: 3, of: "body-20m", what: "wasm memory after bodies of 20 MB", most: 8, unit: " MB", value: (result) => row(result).memory / 1e6 },
  { group: 4, of: "pools", what: "CPU with 10,000 keys, to that with 10", most: 1.05, value: (result) => row(result, "keypool, 10,000 keys").ratio.p50 },
  { group: 5, of: "cold", what: "first answer later than the floor's by", most: 8, unit: " ms", digits: 1, value: (result) => row(result).more.p50, least: (result) => result.rows[1].more.p50 },
  { group: 5, of: "cold", what: "upload, in gzip", most: 180, unit: " KiB", digits: 0, value: ({ upload }) => upload / 1024, least: ({ leastUpload }) => leastUpload / 1024 },
  { group: 6, of: "half-failing", what: "CPU with half of the keys failing, to a healthy pool's", most: 1.2, value: (result) => result.rows[1].ratio.p50 },
  ...under(0.6, "60 %"),
  ...under(0.9, "90 %"),
  { group: 6, of: "overload", what: "goodput at 150 %, of the capacity", atLeast: 97, unit: " %", digits: 1, value: ({ goodput }) => goodput * 100 },
  { group: 6, of: "overload", what: "a refusal takes, median", most: 5, unit: " ms", digits: 1, value: loaded(1.5, ({ refusal }) => refusal?.p50 ?? null) },
  { group: 6, of: "overload", what: "refusals with a true Retry-After", atLeast: 100, unit: " %", digits: 0, value: ({ waits }) => truth(waits) },
  { group: 6, of: "overload", what: "full goodput after an overload", most: 3, unit: " s", digits: 0, value: ({ after }) => after.seconds },
  { group: 7, of: "sustained", what: "CPU of the last tenth of 50,000 to the second's", most: 1.05, digits: 3, value: ({ grown }) => grown.ratio },
  { group: 7, of: "sustained", what: "wasm memory, the same", most: 1.05, digits: 3, value: ({ tenths }) => tenths.at(-1).memory / tenths[1].memory },
];

/// Of those that could be judged, and all had to be told.
function truth({ of, told, judged, held }) {
  if (of === 0 || judged === 0) return null;
  return (100 * Math.min(told / of, 1) * held) / judged;
}
