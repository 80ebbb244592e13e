// Reads the parts of a wasm module: https://webassembly.github.io/spec/core/binary/modules.html
export const CUSTOM = 0;
export const IMPORT = 2;
export const CODE = 10;
export const DATA = 11;
/// In the section of names.
export const FUNCTION_NAMES = 1;

export function* sectionsOf(wasm) {
  const reader = new Reader(wasm, 8);
  while (reader.at < wasm.length) {
    const [id] = reader.take(1);
    yield { id, content: reader.take(reader.number()) };
  }
}

/// The items of a vector whose items begin with their size, the size not included.
export function vector(content) {
  const reader = new Reader(content);
  return Array.from({ length: reader.number() }, () => reader.take(reader.number()));
}

export class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text() {
    return this.take(this.number()).toString();
  }

  /// LEB128, up to 32 bits.
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const [byte] = this.take(1);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }
}
