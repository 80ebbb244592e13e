// An HTTP server on loopback for a storage that is asked in whole bodies.
import http from "node:http";

/// `answer(request, url, body)` gives `{status, headers, body}`. Returns `{port, asked, close}`; `asked()` counts the calls.
export async function serve(answer) {
  let asked = 0;
  const server = http.createServer(async (request, response) => {
    asked += 1;
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    try {
      const url = new URL(request.url, "http://storage");
      const { status = 200, headers = {}, body = "" } = await answer(request, url, Buffer.concat(chunks).toString());
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
    } catch (error) {
      console.error(error);
      response.writeHead(500).end(error.message);
    }
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
  return { port: server.address().port, asked: () => asked, close };
}
