// Only the rows near the screen exist. All rows are equally high, so where one stands is arithmetic.
import { useEffect, useLayoutEffect, useState } from "/vendor/preact.js";

const SPARE = 10;

/** Which of `count` rows of `height` px below `box` to draw: [first, last). */
export function useWindow(box, count, height) {
  const [range, setRange] = useState([0, 40]);
  const measure = () => {
    if (!box.current) return;
    const top = box.current.getBoundingClientRect().top;
    const first = clamp(Math.floor(-top / height) - SPARE, count);
    const last = clamp(Math.ceil((innerHeight - top) / height) + SPARE, count);
    setRange((old) => (old[0] === first && old[1] === last ? old : [first, last]));
  };
  useLayoutEffect(measure, [count, height]);
  useEffect(() => {
    let frame = 0;
    const later = () => (frame ||= requestAnimationFrame(() => ((frame = 0), measure())));
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [count, height]);
  return range;
}

/** Whether the screen is as narrow as a phone's. */
export function useNarrow() {
  const [narrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const read = () => setNarrow(media.matches);
    media.addEventListener("change", read);
    return () => media.removeEventListener("change", read);
  }, []);
  return narrow;
}

const NARROW = "(max-width: 820px)";
const clamp = (n, max) => Math.max(0, Math.min(max, n));
