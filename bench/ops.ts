/**
 * Times what an operation costs beside its arithmetic: on single numbers there is hardly any of it. One
 * recorded operation forward, and one step back through it; on the loops and on the fast kernels.
 *
 *   deno task bench:ops
 *
 * @module
 */
import process from "node:process";
import { backward, leaf } from "#autograd";
import { relu } from "#activations";
import { chooseKernels } from "#fast";
import { kernels, setKernels, Tensor } from "#tensor";
import * as kindling from "../mod.ts";
import { drawTable } from "../milestones/report/table.ts";
import { sideBySide } from "./side_by_side.ts";

/** How many operations follow each other in one measurement. */
const length = 50;

const chains: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  add: (x) => x.add(1),
  mul: (x) => x.mul(x),
  relu: (x) => relu(x),
  reshape: (x) => x.reshape([1, 1]),
  matmul: (x) => x.matmul(x),
  "sum and expand": (x) => x.sum(0).expand([1, 1]),
};

/** A chain of operations from one number, within a step; with its backward if that is asked for. */
function run(link: (x: Tensor) => Tensor, isBackward: boolean): void {
  kernels.step(() => {
    const start = leaf(Tensor.ones([1, 1]));
    let value: Tensor = start;
    for (let k = 0; k < length; k++) value = link(value);
    if (isBackward) backward(value);
  });
}

const sets = (["loops", "fast"] as const).map((wanted) =>
  chooseKernels(kindling, { wanted }).kernels
);
const rows: string[][] = [];
for (const [name, link] of Object.entries(chains)) {
  const sides = sets.flatMap((set) =>
    [false, true].map((isBackward) => () => {
      const restore = setKernels(set);
      run(link, isBackward);
      restore();
    })
  );
  const times = (await sideBySide(sides)).map((seconds) => 1e6 * seconds / length);
  const [forward, both, fastForward, fastBoth] = times;
  const cells = [forward, both - forward, fastForward, fastBoth - fastForward];
  rows.push([name, ...cells.map((cell) => cell.toFixed(2))]);
}
const headings = ["µs per operation", "loops: forward", "back", "fast: forward", "back"];
process.stdout.write(`${drawTable({ headings, rows }, 100)}\n`);
