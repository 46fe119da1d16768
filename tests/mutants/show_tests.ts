/**
 * The thread of a changed program: it runs the tests that it is told, and sends what they showed.
 *
 * @module
 */
import { type MessagePort, workerData } from "node:worker_threads";
import { declared, listOnly } from "../../course/sandbox/graded.ts";
import { thrownFrom } from "../../course/sandbox/plain.ts";
import { observe } from "../../course/sandbox/recording.ts";

interface Told {
  readonly url: string;
  readonly task: string;
  readonly sentence: string;
  readonly seed: string;
}

const port: MessagePort = workerData;
listOnly();
console.log =
  console.info =
  console.warn =
  console.error =
    () => {};

port.on("message", async ({ url, task, sentence, seed }: Told) => {
  try {
    await import(url);
  } catch (error) {
    port.postMessage({ ended: "crash", thrown: thrownFrom(error), loaded: false });
    return;
  }
  const test = declared.find((test) => test.task === task && test.sentence === sentence);
  const observation = test ? await observe(test, seed) : null;
  port.postMessage({ observation });
});
