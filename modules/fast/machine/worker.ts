/**
 * One thread of the fast kernels: it makes the calls that threads.ts opens.
 *
 * @module
 */
import { workerData } from "node:worker_threads";
import { Calls, type Kernel, type Start } from "./threads.ts";

const { module, memory, control, thread }: Start = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
new Calls(exports as Record<string, Kernel>, control).serve(thread);
