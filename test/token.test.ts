// The token of a server, as the SDK brings it.
import { type ConnectOptions, connect } from "@worldstep/sdk";
import { afterEach, expect, test } from "vitest";
import { start } from "./fixtures/counter-server.js";

afterEach(() => {
  delete process.env.WORLDSTEP_TOKEN;
});

test("connect() brings the token that it is given, or that the environment has", async () => {
  const server = await start({}, { token: "s3cret" });
  const opens = async (options?: ConnectOptions) => {
    const connection = await connect(server.url.replace("http", "ws"), options);
    const env = await connection.open();
    await env.reset({ seed: 1 });
    await connection.close();
  };
  await expect(opens()).rejects.toMatchObject({ code: "connection_refused", remedy: expect.stringContaining("token") });
  await expect(opens({ token: "other" })).rejects.toThrow(/wants its token/);
  await expect(opens({ token: "not a token" })).rejects.toMatchObject({ code: "option_token" });
  await opens({ token: "s3cret", codec: "protobuf" });
  process.env.WORLDSTEP_TOKEN = "s3cret";
  await opens();
});
