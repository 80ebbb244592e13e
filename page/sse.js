// Server-sent events out of the bytes of a body, wherever its chunks are cut.

/** The data of each event, as it arrives. Comments and all other fields are left out. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  try {
    for (let over = false; !over; ) {
      const { value = "", done } = await reader.read();
      over = done;
      // A CR at the end may be half of a CRLF. An event that the end cuts off is told too.
      const lines = (rest + (done ? "\n\n" : value)).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
        if (line || data.length === 0) continue;
        yield data.join("\n");
        data = [];
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // whoever stops to listen lets the sender know
  }
}
