// Which keys a bulk action would touch: exactly rows that are in the table, or, asked for by name, all that match the filter.
import { useEffect, useMemo, useRef, useState } from "/vendor/preact.js";
import { STANDBY } from "./group.js";

/** A new filter starts with nothing selected. A row that left the table is not selected either. */
export function useSelection(rows, total, filterName) {
  const [picked, setPicked] = useState(() => new Set());
  const [everything, setEverything] = useState(false);
  const anchor = useRef(null);
  const clear = () => {
    setPicked(new Set());
    setEverything(false);
    anchor.current = null;
  };
  useEffect(clear, [filterName]);

  const keys = useMemo(() => rows.filter(({ id }) => picked.has(id)), [rows, picked]);
  const ids = keys.map(({ id }) => id);
  const toggle = (index, on, stretch) => {
    const from = stretch && anchor.current !== null ? anchor.current : index;
    const next = new Set(everything ? rows.map(({ id }) => id) : ids);
    for (const { id } of rows.slice(Math.min(from, index), Math.max(from, index) + 1)) on ? next.add(id) : next.delete(id);
    anchor.current = index;
    setEverything(false);
    setPicked(next);
  };
  const toggleAll = (on) => {
    setEverything(false);
    setPicked(new Set(on ? rows.map(({ id }) => id) : []));
  };
  return {
    ids,
    standby: keys.filter(({ group }) => group === STANDBY).map(({ id }) => id),
    everything,
    count: everything ? total : ids.length,
    all: ids.length > 0 && ids.length === rows.length,
    has: (id) => everything || picked.has(id),
    toggle,
    toggleAll,
    takeEverything: () => setEverything(true),
    clear,
  };
}
