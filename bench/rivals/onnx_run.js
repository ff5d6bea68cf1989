// onnx_run.js - a model by ONNX Runtime, for bench_clip_rivals.py:
//
//     node onnx_run.js FOLDER_OF_ONNXRUNTIME_NODE MODEL THREADS
//
// Prints one line that says what it is, with the embedding of the common input; then, for each line
// "BATCH ROUNDS" of its standard input, the milliseconds an image of every round.
'use strict';

const readline = require('node:readline');

const [folder, model, threads] = process.argv.slice(2);
const ort = require(folder);
const ITEMS = 3 * 224 * 224;

// The same numbers in every engine: of image i, element k.
function pixels(n) {
  const out = new Float32Array(n * ITEMS);
  for (let i = 0; i < out.length; i++) out[i] = ((i % ITEMS) * 37 % 101 + (i / ITEMS | 0)) / 50 - 1;
  return new ort.Tensor('float32', out, [n, 3, 224, 224]);
}

async function main() {
  const session = await ort.InferenceSession.create(
      model, {intraOpNumThreads: Number(threads), graphOptimizationLevel: 'all'});
  const run = async (input) => Object.values(await session.run({pixels: input}))[0];
  const first = await run(pixels(1));
  console.log(JSON.stringify({version: ort.env.versions.node, embedding: Array.from(first.data)}));
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [batch, rounds] = line.split(' ').map(Number);
    const input = pixels(batch), took = [];
    await run(input);
    for (let i = 0; i < rounds; i++) {
      const start = process.hrtime.bigint();
      await run(input);
      took.push(Number(process.hrtime.bigint() - start) / 1e6 / batch);
    }
    console.log(JSON.stringify(took));
  }
}

main().catch((error) => {
  console.error(`onnx_run: ${error.message}`);
  process.exit(4);
});
