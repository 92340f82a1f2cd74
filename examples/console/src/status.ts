// The state of the connection, and errors with their remedy, where the visitor sees them.
import { WorldError } from "@worldstep/sdk";
import { part, write } from "./page.js";

export type State = "connecting" | "connected" | "lost";

const NAMES: Readonly<Record<State, string>> = {
  connecting: "connecting",
  connected: "connected",
  lost: "connection lost",
};

export function showState(state: State): void {
  document.documentElement.dataset.state = state;
  write("state", NAMES[state]);
}

/** Shows `error` until `clearNotice`. */
export function showError(error: unknown): void {
  if (error instanceof WorldError) notice(`${error.summary} (${error.code}).`, `What to do: ${error.remedy}.`);
  else
    notice(
      `${error instanceof Error ? error.message : String(error)}.`,
      "If that doesn't help: reload the page, and report it.",
    );
}

export function showLost(): void {
  notice(
    "The connection to the server was lost.",
    "Trying again. If this stays, check that the server runs: npm start.",
  );
}

export function clearNotice(): void {
  part("notice", HTMLElement).hidden = true;
}

const SAID_MS = 5000;
let saying: ReturnType<typeof setTimeout> | undefined;

/** Says in passing what is no error. */
export function say(what: string): void {
  write("said", what);
  clearTimeout(saying);
  saying = setTimeout(() => write("said", ""), SAID_MS);
}

function notice(what: string, remedy: string): void {
  write("notice-what", what);
  write("notice-remedy", remedy);
  part("notice", HTMLElement).hidden = false;
}
