/**
 * Starts kernels on three threads, names them, and ends: the process must end too.
 *
 * @module
 */
import { chooseKernels } from "#fast";
import * as tensor from "#tensor";

console.log(chooseKernels(tensor, { threads: 3 }).kernels.name);
