/**
 * Starts kernels on three threads, names them, and ends: the process must end too.
 *
 * @module
 */
import * as kindling from "../../mod.ts";

const { kernels, notice } = kindling.chooseKernels(kindling, { threads: 3 });
console.log(kernels.name);
if (notice) console.log(notice);
