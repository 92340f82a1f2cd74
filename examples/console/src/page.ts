// The parts of index.html by name. A missing one is an error at once, not when it is first used.

/** The element with `id`, which must be a `kind`. */
export function part<E extends Element>(id: string, kind: new () => E): E {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return element;
}

/** Sets the text of #id, if it changed. */
export function write(id: string, text: string): void {
  const element = part(id, HTMLElement);
  if (element.textContent !== text) element.textContent = text;
}

/** Fills `select` with `choices`, by value what is shown, keeping what was chosen if it still can be, else `fallback`. */
export function offer(select: HTMLSelectElement, choices: ReadonlyMap<string, string>, fallback: string): void {
  const chosen = choices.has(select.value) ? select.value : fallback;
  select.replaceChildren(...[...choices].map(([value, text]) => new Option(text, value, false, value === chosen)));
}
