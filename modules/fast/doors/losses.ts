/**
 * # Fast kernels: behind the door of module 04's cross-entropy
 *
 * @module
 */
import type { Replacement } from "#tensor";
import { areSingle, type Modules, on, type Tools } from "./tools.ts";

/** What runs in place of the surprises of rows. */
export function replaceLosses(tools: Tools, { crossEntropyDoor }: Modules): Replacement {
  const { machine, made } = tools, { run } = machine;
  return on(crossEntropyDoor, (own) => (scores, shares) => {
    const [rows, classes] = scores.shape;
    const logs = areSingle(scores, shares)
      ? made(scores.shape, (to) => {
        run.logSoftmax(to, machine.address(scores.data), rows, classes);
      })
      : null;
    const losses = logs && made([rows], (to) => {
      const [from, by] = [logs, shares].map(({ data }) => machine.address(data));
      run.surprises(to, from, by, rows, classes);
    });
    return losses && logs ? { losses, logs } : own(scores, shares);
  });
}
