// Keeps what a screen shows fresh: at once, then every so often while someone looks, and again after a login.
import { useEffect, useRef } from "/vendor/preact.js";

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
