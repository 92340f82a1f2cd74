// Which requests a server lets in.
import { expect, it } from "vitest";
import { type Admission, checkOrigins, checkToken, refusalOf } from "./admission.js";

const OPEN: Admission = { schemes: ["Bearer"], origins: [], hosts: ["127.0.0.1", "mybox.lan"], port: 8777 };
const LOCKED: Admission = { ...OPEN, token: "s3cret" };
const offering = (...names: string[]) => ({ host: "x", "sec-websocket-protocol": names.join(", ") });

it.each<[string | undefined, object, Admission]>([
  // No page, and no name that a stranger could have made.
  [undefined, {}, OPEN],
  [undefined, { host: "127.0.0.1:8777" }, OPEN],
  [undefined, { host: "192.168.1.7:8777" }, OPEN],
  [undefined, { host: "[::1]:8777" }, OPEN],
  [undefined, { host: "worldstep:8777" }, OPEN],
  [undefined, { host: "app.localhost:8777" }, OPEN],
  [undefined, { host: "mybox.lan:8777" }, OPEN],
  ["host", { host: "evil.example:8777" }, OPEN],
  ["host", { host: "127.0.0.1.evil.example" }, OPEN],
  ["host", { host: "a b" }, OPEN],
  // Its own page, by whatever name.
  [undefined, { host: "localhost:8777", origin: "http://localhost:8777" }, OPEN],
  [undefined, { host: "127.0.0.1:8777", origin: "http://localhost:8777" }, OPEN],
  [undefined, { host: "mybox.lan:8777", origin: "http://mybox.lan:8777" }, OPEN],
  ["host", { host: "worldstep", origin: "https://worldstep" }, OPEN],
  [undefined, { host: "worldstep", origin: "https://worldstep" }, { ...OPEN, origins: ["https://worldstep"] }],
  ["origin", { host: "127.0.0.1:8777", origin: "http://localhost:3000" }, OPEN],
  ["origin", { host: "127.0.0.1:8777", origin: "http://127.0.0.1.evil.example:8777" }, OPEN],
  ["origin", { host: "127.0.0.1:8777", origin: "null" }, OPEN],
  ["origin", { host: "127.0.0.1:8777", origin: "chrome-extension://abc" }, OPEN],
  ["host", { host: "evil.example:8777", origin: "http://evil.example:8777" }, OPEN],
  // Those that it was told of.
  [undefined, { host: "127.0.0.1:8777", origin: "https://lab.example" }, { ...OPEN, origins: ["https://lab.example"] }],
  [undefined, { host: "lab.example", origin: "https://lab.example" }, { ...OPEN, origins: ["https://lab.example"] }],
  [undefined, { host: "127.0.0.1", origin: "tauri://localhost" }, { ...OPEN, origins: ["tauri://localhost"] }],
  ["origin", { host: "127.0.0.1", origin: "chrome-extension://b" }, { ...OPEN, origins: ["chrome-extension://a"] }],
  ["origin", { host: "lab.example", origin: "http://other" }, { ...OPEN, origins: ["https://lab.example"] }],
  [undefined, { host: "any.example", origin: "https://other.example" }, { ...OPEN, origins: ["*"] }],
  // The token, and with it a server may have any name.
  ["token", { host: "127.0.0.1" }, LOCKED],
  ["token", { host: "127.0.0.1", authorization: "Bearer s3cre" }, LOCKED],
  ["token", { host: "127.0.0.1", authorization: "Bearer s3crets3cret" }, LOCKED],
  ["token", { host: "127.0.0.1", authorization: "Basic s3cret" }, LOCKED],
  [undefined, { host: "127.0.0.1", authorization: "bearer  s3cret" }, LOCKED],
  [undefined, { host: "sim.example", authorization: "Bearer s3cret" }, LOCKED],
  [undefined, { host: "sim.example", origin: "https://sim.example", authorization: "Bearer s3cret" }, LOCKED],
  ["origin", { host: "sim.example", origin: "https://evil.example", authorization: "Bearer s3cret" }, LOCKED],
  [undefined, offering("worldstep.v1.msgpack", "worldstep.token.s3cret"), LOCKED],
  ["token", offering("worldstep.v1.msgpack", "worldstep.token."), LOCKED],
  ["token", offering("s3cret"), LOCKED],
])("%s: %o", (kind, headers, admission) => {
  expect(refusalOf(headers as Record<string, string>, admission)?.kind).toBe(kind);
});

it("takes tokens and origins that can be sent, and no others", () => {
  expect(checkToken("aZ09_-")).toBe("aZ09_-");
  for (const bad of ["", "a b", "a,b", "é", "x".repeat(513)]) expect(() => checkToken(bad)).toThrow(/option_token/);
  expect(checkOrigins(["https://Lab.example/", "*"])).toEqual(["https://lab.example", "*"]);
  const ofApps = ["chrome-extension://abc", "vscode-webview://1d-2f", "tauri://localhost"];
  expect(checkOrigins(ofApps)).toEqual(ofApps);
  for (const bad of ["lab.example", "localhost:80", "https://a/b", "https://a?b", "app://a/b", "file:///", "null", ""])
    expect(() => checkOrigins([bad])).toThrow(/option_origin/);
});
