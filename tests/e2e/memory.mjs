// How large the wasm's memory is: it never shrinks. Imported before the built Worker, so that its instance is seen.
const { Instance } = WebAssembly;
let instance;

WebAssembly.Instance = class extends Instance {
  constructor(...args) {
    super(...args);
    instance = this;
  }
};

export const memory = () => instance?.exports.memory.buffer.byteLength ?? 0;
