/**
 * Starts kernels on three threads, names them, and ends: the process must end too.
 *
 * @module
 */
import * as kindling from "../../mod.ts";

console.log(kindling.chooseKernels(kindling, { threads: 3 }).kernels.name);
