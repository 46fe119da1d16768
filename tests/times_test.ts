/**
 * What other programs print to the benches is checked before it is believed.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { readTimes } from "../bench/peers/times.ts";
import { test } from "../course/sandbox/register.ts";

/** Zod is fetched, and `bun test` fetches nothing. */
const deno = { only: "deno" } as const;

test("readTimes() reads the numbers in the last line", async () => {
  assertEquals(await readTimes("x", 'a warning\n{"cnn": 1.5, "MiB": 300}\n'), {
    cnn: 1.5,
    MiB: 300,
  });
}, deno);

const wrong = ["", "Segmentation fault", "[1]", '{"cnn":"1"}', '{"cnn":-1}', '{"cnn":null}'];
for (const printed of wrong) {
  test(`readTimes() refuses ${JSON.stringify(printed)}, and names the program`, async () => {
    const says = "Cannot read what PyTorch printed: ";
    await assertRejects(() => readTimes("PyTorch", printed), RangeError, says);
  }, deno);
}
