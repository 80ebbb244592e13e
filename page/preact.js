// The only door to third-party code.
import htm from "htm";
import { h, render } from "preact";

export { h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
export const html = htm.bind(h);
