import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

const FIRST_WIDTH = 720;

/** How wide an element is, in CSS pixels: drawings have the text size of the page at every width. */
export function useWidth(ref: RefObject<Element | null>): number {
  const [width, setWidth] = useState(FIRST_WIDTH);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setWidth((known) => Math.round(element.getBoundingClientRect().width) || known);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}
