// Asking the server for something, again and again or once, as hooks that remember how it went.
import { useCallback, useEffect, useRef, useState } from "/vendor/preact.js";

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

const RESUME = "keypool:resume";

/** Tells every screen that it may ask again. */
export const resume = () => dispatchEvent(new Event(RESUME));

/** Calls `again` after a new login, for what failed because the session had ended. */
export function useResume(again) {
  const latest = useRef(again);
  latest.current = again;
  useEffect(() => {
    const now = () => latest.current();
    addEventListener(RESUME, now);
    return () => removeEventListener(RESUME, now);
  }, []);
}

/** Calls `ask` every `every` ms while the page is visible, and when it becomes visible, online or logged in again. */
export function usePoll(ask, every) {
  const latest = useRef(ask);
  latest.current = ask;
  useResume(ask);
  useEffect(() => {
    let last = Date.now();
    const now = () => {
      if (document.hidden) return;
      last = Date.now();
      latest.current();
    };
    const due = () => Date.now() - last >= every - 50 && now();
    const timer = setInterval(due, every);
    document.addEventListener("visibilitychange", due);
    addEventListener("online", now);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", due);
      removeEventListener("online", now);
    };
  }, [every]);
}
