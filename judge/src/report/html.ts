// HTML from template literals in which every value is escaped, unless it is HTML itself.

/** Text that is HTML. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template takes: text and numbers are escaped, a list is joined, undefined is nothing. */
export type Content = Html | string | number | undefined | readonly Content[];

/** Tag of a template literal: its own text is HTML, its values are text. */
export function html(literals: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(literals.map((literal, i) => literal + textOf(values[i])).join(""));
}

function textOf(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "object") return content.map(textOf).join("");
  return escaped(String(content));
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` as it may stand in an element or in a quoted attribute. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => ENTITIES[letter] as string);
}
