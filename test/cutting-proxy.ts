// A TCP proxy that loses connections on purpose: at once when told to, or after so many bytes.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  readonly url: string;
  /** Connections made so far. */
  readonly connections: number;
  /** Cuts what is open now. */
  cut(): void;
  /** The next connections are cut after so many bytes in either direction, one after another; later ones never. */
  plan(bytes: readonly number[]): void;
  /** Passes nothing on any more over what is open now, without closing it. */
  silence(): void;
  /** The same, for what comes from the server. */
  loseReplies(): void;
  /** Bytes per second that pass from now on in either direction: TCP holds the rest back. */
  rate: number;
  /** While false, new connections are cut at once. */
  accepting: boolean;
  close(): Promise<void>;
}

export async function cuttingProxy(port: number): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let planned: number[] = [];
  const server = createServer((client) => {
    proxy.connections += 1;
    const upstream = connect(port, "127.0.0.1");
    upstreams.add(upstream);
    let left = planned.shift() ?? Number.POSITIVE_INFINITY;
    const pair = [client, upstream] as const;
    const cut = () => {
      for (const socket of pair) {
        socket.destroy();
        open.delete(socket);
      }
    };
    for (const [from, to] of [pair, [upstream, client]] as const) {
      open.add(from);
      from.setNoDelay(true);
      from.on("data", (data) => {
        const passed = data.subarray(0, left);
        left -= data.length;
        to.write(passed);
        if (proxy.rate < Number.POSITIVE_INFINITY) {
          from.pause();
          setTimeout(() => from.resume(), (1000 * passed.length) / proxy.rate);
        }
        // Ended rather than destroyed, so that what was passed still arrives.
        if (left <= 0) to.end(cut);
      });
      from.on("error", cut);
      from.on("close", cut);
    }
    if (!proxy.accepting) cut();
  });
  const proxy = {
    url: "",
    connections: 0,
    accepting: true,
    rate: Number.POSITIVE_INFINITY,
    cut: () => {
      for (const socket of open) socket.destroy();
    },
    silence: () => {
      for (const socket of open) socket.pause();
    },
    loseReplies: () => {
      for (const socket of upstreams) socket.pause();
    },
    plan: (bytes: readonly number[]) => {
      planned = [...bytes];
    },
    close: () => {
      proxy.cut();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return proxy;
}
