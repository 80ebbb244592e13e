// The two programs that npm and cargo do not bring, and that only tests need: a Chromium and a Python with OpenAI's SDK and
// Prometheus' parser.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { ask, env } from "./ready.mjs";

const PYTHON_PACKAGES = { openai: "3.52.0", "prometheus-client": "0.26.0" };

const BROWSERS = [
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// The path of a Chromium; installs Debian's where we may, else says how to get one and returns "".
export function chromium() {
  const found = process.env.KEYPOOL_CHROMIUM || find(BROWSERS);
  if (found) return found;
  if (process.getuid?.() === 0 && find(["apt-get"])) {
    console.log("Installing Chromium with apt-get.");
    const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, stdio: ["ignore", "ignore", "inherit"] };
    try {
      execFileSync("apt-get", ["update", "-qq"], options);
      execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], options);
    } catch {
      // Said below, in a sentence.
    }
    const installed = find(BROWSERS);
    if (installed) return installed;
  }
  console.log(
    "The page's tests need Chromium or Chrome. Install one (Debian: `apt-get install chromium`),\n" +
      "or set KEYPOOL_CHROMIUM to the path of its program. `npm run test:native` and `npm run test:e2e` do without.",
  );
  return "";
}

/// The path of a Python that has these packages, in a virtual environment of our own; "" where there is no Python.
export function python() {
  const home = "target/python";
  const program = `${home}/${process.platform === "win32" ? "Scripts/python.exe" : "bin/python"}`;
  const wanted = Object.entries(PYTHON_PACKAGES).map(([name, version]) => `${name}==${version}`);
  const script = "import importlib.metadata as m, sys; print(*(f'{n}=={m.version(n)}' for n in sys.argv[1:]))";
  const installed = () => existsSync(program) && ask(program, "-c", script, ...Object.keys(PYTHON_PACKAGES));
  if (installed() === wanted.join(" ")) return program;

  const without = (why) => {
    console.log(`The tests that need Python are skipped: ${why}.`);
    return "";
  };
  if (!ask("python3", "--version")) return without("there is no python3");
  console.log(`Installing ${wanted.join(" and ")} into ${home}.`);
  const made = ask("python3", "-m", "venv", "--clear", home);
  if (made === null) return without("`python3 -m venv` failed (Debian: `apt-get install python3-venv`)");
  const got = ask(program, "-m", "pip", "install", "--quiet", ...wanted);
  return got === null ? without("pip could not install it") : program;
}

function find(programs) {
  const finder = process.platform === "win32" ? "where" : "which";
  return programs.find((path) => existsSync(path)) ?? programs.map((name) => ask(finder, name)).find(Boolean);
}
