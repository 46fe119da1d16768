/**
 * Loaded before the tests when coverage is measured: programs that tests start are not watched. What
 * of modules/ they run is run by tests of the same process, too, and watching them takes long.
 *
 * @module
 */
import process from "node:process";

delete process.env.DENO_COVERAGE_DIR;
