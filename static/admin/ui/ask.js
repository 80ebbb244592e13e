// Asking the server for something, or telling it to do something, as a hook that remembers how it went.
import { useCallback, useEffect, useRef, useState } from "/vendor/preact.js";
import { usePoll } from "./poll.js";

/** What `ask` answered last, kept fresh; asked anew when `about` changes. A failure leaves the last answer standing. */
export function useAnswer(ask, every = 10_000, about = "") {
  const [state, setState] = useState({ answer: null, failure: null, loading: true });
  const turn = useRef(0);
  const latest = useRef(ask);
  latest.current = ask;
  const again = useCallback(async () => {
    const mine = ++turn.current;
    const settle = (change) => mine === turn.current && setState((old) => ({ ...old, loading: false, ...change }));
    try {
      settle({ answer: await latest.current(), failure: null });
    } catch (failure) {
      settle({ failure });
    }
  }, []);
  useEffect(() => {
    again();
    return () => void ++turn.current;
  }, [about]);
  usePoll(again, every);
  return { ...state, again };
}

/** One thing the user starts. A second click while it runs does nothing; a failure is kept until the next try. */
export function useAction(run) {
  const [state, setState] = useState({ pending: false, failure: null });
  const running = useRef(false);
  const start = async (...args) => {
    if (running.current) return;
    running.current = true;
    setState({ pending: true, failure: null });
    try {
      await run(...args);
      setState({ pending: false, failure: null });
    } catch (failure) {
      setState({ pending: false, failure });
    } finally {
      running.current = false;
    }
  };
  const forget = () => setState({ pending: false, failure: null });
  return { ...state, start, forget };
}
