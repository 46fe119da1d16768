/**
 * The first that is loaded in the realm where a learner's code runs: what the thread calls there.
 *
 * @module
 */
import { declared, listOnly } from "./graded.ts";
import { type Observation, observe } from "./recording.ts";
export { thrownFrom } from "./plain.ts";
export { lockDown } from "./realm.ts";

/** Which test, and where its random numbers come from. */
export interface Asked {
  readonly task: string;
  readonly sentence: string;
  readonly seed?: string;
}

listOnly();

/** Runs a test of the file that was loaded; null if it declares none of that name. */
export async function run(asked: string): Promise<Observation | null> {
  const { task, sentence, seed }: Asked = JSON.parse(asked);
  const test = declared.find((test) => test.task === task && test.sentence === sentence);
  return test ? await observe(test, seed) : null;
}

/** What an import() is answered with. */
export function refusal(name: string): Error {
  const error = new TypeError(
    `Cannot import "${name}" while the program runs: write import … from at the top of the file`,
  );
  error.name = "ImportError";
  return error;
}
