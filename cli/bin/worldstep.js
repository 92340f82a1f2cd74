#!/usr/bin/env node
// npm links a package's command before anything is built: so this file is there, and what it runs comes later.
await import("../dist/main.js");
