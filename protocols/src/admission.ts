// Whom a server lets in, by the headers of a request: a browser tells the truth about which page asks (`Origin`) and which
// name it looked up (`Host`), and who has the token may do what the token is for. Pure: any server of ours can use it.
import { OptionError } from "./errors.js";
import { shown } from "./shown.js";

export interface Admission {
  /** Of `[A-Za-z0-9_-]`; without one whoever reaches the server is let in. */
  readonly token?: string;
  /** How `Authorization` may name the token: `Bearer`, say. A browser offers `worldstep.token.TOKEN` as a subprotocol. */
  readonly schemes: readonly string[];
  /** Origins beside the server's own whose pages may connect, `https://example.org`; `*` for any. */
  readonly origins: readonly string[];
  /** Names of this machine, beside addresses and `localhost`. */
  readonly hosts: readonly string[];
  /** The port that the server listens on. */
  readonly port: number;
}

export interface Refusal {
  readonly kind: "token" | "origin" | "host";
  readonly status: 401 | 403 | 421;
  /** For people. */
  readonly why: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

const TOKEN_PROTOCOL = "worldstep.token.";
/** Of `URL.hostname`, which writes every form of such an address like this. */
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;

/** The subprotocol that stands for `token`. Throws `OptionError` (`option_token`). */
export function tokenProtocol(token: string): string {
  return TOKEN_PROTOCOL + checkToken(token);
}

/** `token`, if it is one. Throws `OptionError` (`option_token`). */
export function checkToken(token: string): string {
  if (/^[A-Za-z0-9_-]{1,512}$/.test(token)) return token;
  throw new OptionError("option_token", "that is no token", "give 1 to 512 letters, digits, _ and -");
}

/** `origins`, each as browsers write it. Throws `OptionError` (`option_origin`). */
export function checkOrigins(origins: readonly string[]): string[] {
  return origins.map((given) => {
    if (given === "*") return given;
    const url = urlOf(given);
    // Not `url.origin`, which is "null" of the schemes of extensions and apps, whose pages do send scheme and host.
    const origin = url && `${url.protocol}//${url.host}`;
    if (origin && url.host !== "" && (url.href === origin || url.href === `${origin}/`)) return origin;
    const remedy = "give scheme, host and port, such as https://example.org, or * for any";
    throw new OptionError("option_origin", `${shown(given)} is no origin`, remedy, { origin: shown(given) });
  });
}

/** Why a request with these headers is not let in; undefined where it is. */
export function refusalOf(headers: Headers, admission: Admission): Refusal | undefined {
  const { token, origins } = admission;
  const anywhere = origins.includes("*");
  if (token !== undefined && !hasToken(headers, token, admission.schemes)) {
    return { kind: "token", status: 401, why: "this server wants its token" };
  }
  const { host, origin } = headers as { readonly host?: string; readonly origin?: string };
  const asked = host === undefined ? undefined : urlOf(`http://${host}`);
  // A page of a name that was made to mean this machine has that name here. With a token there is nothing it could do.
  if (host !== undefined && token === undefined && !anywhere && !(asked && isOurs(asked, origin, admission))) {
    const why = "the request is for a host that this server doesn't know: --allow-origin names it, or use a --token";
    return { kind: "host", status: 421, why };
  }
  // Only browsers send an origin, and they always do where a page opens a WebSocket.
  if (origin !== undefined && !anywhere && !isWelcome(origin, asked, admission)) {
    return { kind: "origin", status: 403, why: "a page of this origin may not connect: --allow-origin lets it" };
  }
  return undefined;
}

function hasToken({ authorization, ...headers }: Headers, token: string, schemes: readonly string[]): boolean {
  const [scheme = "", given = ""] = typeof authorization === "string" ? authorization.trim().split(/ +/, 2) : [];
  if (schemes.some((name) => name.toLowerCase() === scheme.toLowerCase()) && isSame(token, given)) return true;
  const offered = headers["sec-websocket-protocol"];
  return (typeof offered === "string" ? offered : "")
    .split(",", 16)
    .some((name) => isSame(TOKEN_PROTOCOL + token, name.trim()));
}

/** Takes as long for any text of a length, whether it is nearly right or not. */
function isSame(ours: string, theirs: string): boolean {
  let difference = ours.length ^ theirs.length;
  for (let i = 0; i < theirs.length; i++) difference |= ours.charCodeAt(i % ours.length) ^ theirs.charCodeAt(i);
  return difference === 0;
}

function isOurs({ hostname }: URL, origin: string | undefined, { hosts, origins }: Admission): boolean {
  if (hostname.startsWith("[") || IPV4.test(hostname) || hostname === "localhost" || hostname.endsWith(".localhost"))
    return true;
  // A container's name, say. Whoever answers such names on a network could make one mean this machine to a browser.
  if (!hostname.includes(".") && origin === undefined) return true;
  return hosts.includes(hostname) || origins.some((origin) => urlOf(origin)?.hostname === hostname);
}

function isWelcome(origin: string, asked: URL | undefined, { origins, port }: Admission): boolean {
  const page = urlOf(origin);
  if (page === undefined || (page.protocol !== "http:" && page.protocol !== "https:")) return origins.includes(origin);
  if (origins.includes(page.origin) || page.host === asked?.host) return true;
  // The server's own page, by another name of this machine.
  const { hostname } = page;
  const isLoopback = ["localhost", "[::1]"].includes(hostname) || (IPV4.test(hostname) && hostname.startsWith("127."));
  return isLoopback && Number(page.port) === port;
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
