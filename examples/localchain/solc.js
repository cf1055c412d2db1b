// Run as `node solc.js INPUT OUTPUT`: compile a standard-JSON input with the npm package solc.
//
// The compiler's own build is loaded directly: every source is in the input, so neither the
// package's wrapper nor its dependencies are needed.
"use strict";

const fs = require("node:fs");
const compiler = require("solc/soljson.js");

const [input, output] = process.argv.slice(2);
const compile = compiler.cwrap("solidity_compile", "string", ["string", "number", "number"]);
fs.writeFileSync(output, compile(fs.readFileSync(input, "utf8"), 0, 0));
process.exit(0);
