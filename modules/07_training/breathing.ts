/**
 * # 07 · Training: breathing
 *
 * JavaScript does one thing at a time: while a loop runs, no key press is seen, no timer fires, and
 * no line is drawn. So every now and then the training loop gives way to all that has queued up.
 *
 *   ┌──────┬──────┬──────┐                    ┌──────┬──────
 *   │ step │ step │ step │ keys, timers, …    │ step │ step …
 *   └──────┴──────┴──────┘                    └──────┴──────
 *
 * It takes a timer to do so. What waits on a promise that is settled already goes on before the
 * queue of keys and timers gets a turn; the last trap of training.ts shows it.
 *
 * @module
 */

/** Longest time without a pause, in milliseconds; a single step may of course take longer. */
const breath = 20;

/** Makes a function that pauses when it is time to. */
export function breathing(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < breath) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
