// Bytes on the wire, with nobody in between who would mend them: an upstream that keeps what it got, and a client that sends anything.
import net from "node:net";

const BODY = JSON.stringify({ id: "x", object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } });
const ANSWER = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\nconnection: close\r\n\r\n${BODY}`;

/** An upstream whose `seen` are the bytes of each connection. It answers one request on each; `answer` may be another text. */
export async function rawUpstream(answer = ANSWER) {
  const seen = [];
  const server = net.createServer((socket) => {
    const at = seen.push("") - 1;
    let answered = false;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      seen[at] += bytes.toString("latin1");
      if (answered || !isWhole(seen[at])) return;
      answered = true;
      // What else may come behind the request is kept as well.
      setTimeout(() => socket.end(answer), 20);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { seen, port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) };
}

function isWhole(text) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: *(\d+)\r?$/im.exec(text.slice(0, end))?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return !/^transfer-encoding:/im.test(text.slice(0, end)) || text.endsWith("0\r\n\r\n");
}

/** What a request upstream says: its line, its headers by small names (each an array), and its body. Throws where it is not one well-formed request. */
export function readRequest(text) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no end of the head: ${JSON.stringify(text)}`);
  const [line, ...lines] = text.slice(0, end).split("\r\n");
  if (!/^[A-Z]+ [!-~]+ HTTP\/1\.1$/.test(line)) throw new Error(`a request line: ${JSON.stringify(line)}`);
  const headers = {};
  for (const each of lines) {
    const [, name, value] = /^([\w.-]+): ?([^\r\n\0]*)$/.exec(each) ?? [];
    if (!name) throw new Error(`a header: ${JSON.stringify(each)}`);
    (headers[name.toLowerCase()] ??= []).push(value);
  }
  const framing = [...(headers["content-length"] ?? []), ...(headers["transfer-encoding"] ?? [])];
  if (framing.length > 1) throw new Error(`two lengths: ${framing}`);
  return { line, target: line.split(" ")[1], headers, body: bodyOf(text.slice(end + 4), headers) };
}

function bodyOf(rest, headers) {
  if (!headers["transfer-encoding"]) {
    if (rest.length !== Number(headers["content-length"]?.[0] ?? 0)) throw new Error(`more or less than one body: ${JSON.stringify(rest)}`);
    return rest;
  }
  let body = "";
  for (;;) {
    const [head, size] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? [];
    if (!head) throw new Error(`a chunk: ${JSON.stringify(rest)}`);
    const length = parseInt(size, 16);
    body += rest.slice(head.length, head.length + length);
    rest = rest.slice(head.length + length + 2);
    if (length === 0) break;
  }
  if (rest !== "") throw new Error(`more than one body: ${JSON.stringify(rest)}`);
  return body;
}

/** Sends the text as it is; resolves to the statuses of all answers that came until the connection ended or fell silent. */
export function sendRaw(url, text) {
  const { port } = new URL(url);
  return new Promise((resolve) => {
    let got = "";
    const socket = net.connect(Number(port), "127.0.0.1", () => socket.write(Buffer.from(text, "latin1")));
    const finish = () => {
      socket.destroy();
      resolve([...got.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)));
    };
    socket.setTimeout(700, finish);
    socket.on("data", (bytes) => (got += bytes.toString("latin1")));
    socket.on("error", finish).on("end", finish);
  });
}
