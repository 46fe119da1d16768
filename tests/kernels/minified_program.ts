/**
 * Trains on kernels, and prints which they are, whether the loss fell, and whether the doors of the
 * optimizer and of the convolution had kernels behind them.
 *
 * @module
 */
import * as kindling from "../../mod.ts";

const { kernels } = kindling.chooseKernels(kindling, { wanted: "simd" });
kindling.setKernels(kernels);
const generator = new kindling.Generator(1);
const model = new kindling.Sequential(
  new kindling.Conv2d(1, 4, 3, { generator }),
  new kindling.ReLU(),
  new kindling.Flatten(),
  new kindling.Linear(4 * 4, 2, { generator }),
);
const optimizer = new kindling.Adam(model.parameters(), { learningRate: 0.05 });
const batch = {
  inputs: kindling.Tensor.normal([8, 1, 4, 4], generator),
  targets: Int32Array.from({ length: 8 }, (_, k) => k % 2),
};
const step = (): number =>
  kindling.trainStep(model, [batch], { loss: kindling.crossEntropy, optimizer });
const first = step();
for (let k = 0; k < 20; k++) step();
const doors = [kindling.Adam.door, kindling.convolution.door].map((door) => door.isReplaced);
console.log(kernels.name, step() < first, ...doors);
