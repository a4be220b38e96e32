// Compiles the contracts with npm's solc: creation code into compiled/, the client's ABIs
// into chain/abi/, and the client's reader beside its source. The same sources and the same compiler give the same bytes.
//
//   node ogpu_jupyter/localnet/contracts/build.mjs           writes
//   node ogpu_jupyter/localnet/contracts/build.mjs --check   compares, and fails on a difference

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const COMPILED = join(HERE, "compiled");
const ABI = join(HERE, "..", "..", "chain", "abi");
const READER = join(HERE, "..", "..", "chain", "reader");

const VERSION = "0.8.37";
const INTERFACE = [
  "Controller", "Manager", "Nexus", "Response", "Source", "Task", "Terminal", "Vault",
];

const SETTINGS = {
  evmVersion: "shanghai",
  optimizer: { enabled: true, runs: 200 },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: {
    "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] },
  },
};

function compile(folder, settings) {
  const solc = createRequire(import.meta.url)("solc");
  if (!solc.version().startsWith(`${VERSION}+`)) {
    throw new Error(`solc ${VERSION} is needed and ${solc.version()} is here: run npm install`);
  }
  const names = readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
  const sources = Object.fromEntries(
    names.map((name) => [name, { content: readFileSync(join(folder, name), "utf8") }]),
  );
  const input = { language: "Solidity", sources, settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const complaints = (output.errors ?? []).map((error) => error.formattedMessage);
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
  return Object.assign({}, ...Object.values(output.contracts));
}

// Without what only the compiler knows (internalType), one entry a line, in a fixed order.
function plain(abi) {
  const clean = ({ internalType, components, ...rest }) =>
    components ? { ...rest, components: components.map(clean) } : rest;
  const lists = (entry) => ({
    ...entry,
    ...(entry.inputs && { inputs: entry.inputs.map(clean) }),
    ...(entry.outputs && { outputs: entry.outputs.map(clean) }),
  });
  return abi.map((entry) => JSON.stringify(lists(entry))).sort();
}

const lines = (entries) => `[\n${entries.join(",\n")}\n]\n`;

// It runs on whatever node it meets, so it keeps to opcodes that the oldest of them know.
function reader() {
  const { Reader } = compile(READER, { ...SETTINGS, evmVersion: "london" });
  return `${JSON.stringify(`0x${Reader.evm.deployedBytecode.object}`)}\n`;
}

function files(contracts) {
  const found = new Map([[join(READER, "Reader.bin.json"), reader()]]);
  for (const name of INTERFACE) {
    found.set(join(ABI, `${name}.json`), lines(plain(contracts[name].abi)));
  }
  const own = contracts.LocalManager.abi.filter((entry) => /switches$/i.test(entry.name ?? ""));
  found.set(join(COMPILED, "Switches.json"), lines(plain(own)));
  for (const name of [...INTERFACE, "Market"]) {
    const { object } = contracts[name].evm.bytecode;
    found.set(join(COMPILED, `${name}.bin.json`), `${JSON.stringify(`0x${object}`)}\n`);
  }
  return found;
}

function same(path, text) {
  try {
    return readFileSync(path, "utf8") === text;
  } catch {
    return false;
  }
}

const built = files(compile(HERE, SETTINGS));
if (process.argv.includes("--check")) {
  const stale = [...built].filter(([path, text]) => !same(path, text)).map(([path]) => path);
  for (const path of stale) console.error(`differs: ${relative(process.cwd(), path)}`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync(COMPILED, { recursive: true });
  mkdirSync(ABI, { recursive: true });
  for (const [path, text] of built) writeFileSync(path, text);
}
