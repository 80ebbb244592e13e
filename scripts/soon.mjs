// wasm-bindgen hands its tasks to `queueMicrotask`, several times a call; workerd's own is ten times as dear as a promise that
// is kept already. What it throws is reported in the same way.
const kept = Promise.resolve();

export function queueMicrotask(work) {
  kept.then(() => {
    try {
      work();
    } catch (error) {
      reportError(error);
    }
  });
}
