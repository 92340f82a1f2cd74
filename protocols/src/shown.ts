// What an error may quote. A peer chooses the text, and the error goes back to it, into logs and onto terminals: so it is
// short, on one line, and can be encoded, whatever it was.

const LONGEST = 120;

/** `value` as an error quotes it: at most 120 characters, none of them a control character or half of a pair. Never throws. */
export function shown(value: unknown): string {
  return cut(plain(textOf(value)), LONGEST);
}

/** `text` as it may be sent: at most `longest` characters, well-formed. */
export function cut(text: string, longest: number): string {
  // Cut before it is mended: the cut may part a pair, and there may be megabytes behind it.
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return short.replace(/\p{Surrogate}/gu, "\ufffd");
}

function plain(text: string): string {
  return text.slice(0, LONGEST + 1).replace(/\p{Cc}/gu, "\ufffd");
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `a ${typeof value}`; // an object without a string of its own
  }
}
