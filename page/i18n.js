// Words, numbers and times in the reader's language. Views hold no text: they name it.
export const LANGUAGES = { en: "English", zh: "中文" };

let words = {};
let language = "en";
const formats = new Map();
let plurals = new Intl.PluralRules("en");

/** The language to begin with: the one chosen before, else the browser's. */
export function firstLanguage() {
  const chosen = remembered("lang");
  if (chosen in LANGUAGES) return chosen;
  return navigator.languages.some((name) => name.toLowerCase().startsWith("zh")) ? "zh" : "en";
}

export function speak(name, dictionary) {
  language = name;
  words = dictionary;
  plurals = new Intl.PluralRules(tag());
  document.documentElement.lang = tag();
}

export const spoken = () => language;
export const has = (name) => wordOf(name) !== undefined;

/** "keys.title" stands in the section "keys", a name without a dot in "". */
function wordOf(name) {
  const dot = name.indexOf(".");
  return words[name.slice(0, Math.max(0, dot))]?.[name.slice(dot + 1)];
}

/** The text `name` with its `{holes}` filled. A text with plural forms chooses by the hole `n`. */
export function t(name, holes = {}) {
  return pieces(name, holes).join("");
}

/** The text `name`, if there is one. */
export const word = (name, otherwise) => (has(name) ? t(name) : otherwise);

/** As `t`, for holes that are elements: an array that a template can show. */
export function rich(name, holes) {
  return pieces(name, holes);
}

export const number = (n) => format(Intl.NumberFormat).format(n);
export const compact = (n) => format(Intl.NumberFormat, { notation: "compact", maximumFractionDigits: 1 }).format(n);
export const percent = (part) => format(Intl.NumberFormat, { style: "percent", maximumFractionDigits: 1 }).format(part);
export const list = (items, type = "conjunction") => format(Intl.ListFormat, { type }).format(items);
export const moment = (ms) => format(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "medium" }).format(ms);
export const day = (ms) => format(Intl.DateTimeFormat, { dateStyle: "medium" }).format(ms);
export const date = (ms, timeZone) => format(Intl.DateTimeFormat, { month: "short", day: "numeric", timeZone }).format(ms);
export const hour = (ms) => format(Intl.DateTimeFormat, { timeStyle: "medium" }).format(ms);

export const clock = (ms) => format(Intl.DateTimeFormat, { timeStyle: "short" }).format(ms);

/** Dollars, from millionths; small sums with more digits. */
export function money(micros) {
  const dollars = micros / 1e6;
  const most = dollars === 0 || dollars >= 1 ? 2 : dollars >= 0.01 ? 4 : 6;
  return format(Intl.NumberFormat, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: most }).format(dollars);
}

/** "450ms" or "1.2s"; a dash where nothing was measured. */
export function duration(ms) {
  if (ms === null) return "–";
  return ms < 1000 ? unit(ms, "millisecond") : unit(Math.round(ms / 100) / 10, "second");
}

/** "3 min ago", from a length in milliseconds. */
export function ago(ms) {
  const [size, unit] = UNITS.find(([length]) => ms >= length) ?? [1000, "second"];
  return format(Intl.RelativeTimeFormat, { numeric: "auto", style: "short" }).format(-Math.max(0, Math.floor(ms / size)), unit);
}

/** "0:42" or "2 h 5 min": how long is left of `ms`. */
export function left(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds < 86_400) return `${unit(Math.floor(seconds / 3600), "hour")} ${unit(Math.floor(seconds / 60) % 60, "minute")}`;
  return `${unit(Math.floor(seconds / 86_400), "day")} ${unit(Math.floor(seconds / 3600) % 24, "hour")}`;
}

/** "15 minutes", in the largest unit that needs no fraction. */
export function span(seconds) {
  const [size, name] = UNITS.find(([length]) => (seconds * 1000) % length === 0);
  return unit((seconds * 1000) / size, name, "long");
}

export function remembered(name) {
  try {
    return localStorage.getItem(`keypool.${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`keypool.${name}`, value);
  } catch {
    // storage is switched off: the choice lasts until the page is closed
  }
}

const UNITS = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"]];
const tag = () => (language === "zh" ? "zh-CN" : "en");
const unit = (n, name, unitDisplay = "narrow") => format(Intl.NumberFormat, { style: "unit", unit: name, unitDisplay }).format(n);

/** Formats are kept: making one costs more than drawing the row it is for. */
function format(Kind, options = {}) {
  const name = `${tag()} ${Kind.name} ${JSON.stringify(options)}`;
  if (!formats.has(name)) formats.set(name, new Kind(tag(), options));
  return formats.get(name);
}

function pieces(name, holes) {
  let text = wordOf(name) ?? name;
  if (typeof text === "object") text = text[plurals.select(holes.n)] ?? text.other;
  return text.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? filled(holes[part]) : part));
}

const filled = (value) => (typeof value === "number" ? number(value) : value ?? "");
