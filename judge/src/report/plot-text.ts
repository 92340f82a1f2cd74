// How wide text is, without a canvas to measure it on.
import * as vega from "vega";

/** Advance widths of DejaVu Sans in em: wider than other sans-serif fonts, so that what fits in it fits in any. */
const NARROW = 0.4;
const COMMON = 0.63;
const CAPITAL = 0.72;
const WIDE = 0.97;

/** About how wide `text` is, in the units of `fontSize`; seldom less than it is. */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const letter of text) ems += emsOf(letter);
  return ems * fontSize;
}

/** `text` in lines no wider than `width`, broken between words. */
export function wrapped(text: string, fontSize: number, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize) > width) lines.push(word);
    else lines.splice(-1, 1, longer);
  }
  return lines;
}

function emsOf(letter: string): number {
  if (/[iljtfrI.,:;'|!()[\]\s-]/.test(letter)) return NARROW;
  if (/[mwMW@%—]/.test(letter) || letter > "\u2e80") return WIDE;
  return /\p{Lu}/u.test(letter) ? CAPITAL : COMMON;
}

/** What vega lays text out by. It is exported and meant to be set (vl-convert does), but it has no types. */
interface TextMetrics {
  width(item: { readonly fontSize?: number; readonly limit?: number }, text: unknown): number;
}

// Vega's own estimate is 0.8 em a letter, or the width on a canvas if some package happens to bring one: plots would be
// loose, and would differ between installations.
const { textMetrics } = vega as unknown as { readonly textMetrics: TextMetrics };
textMetrics.width = ({ fontSize = 11 }, text) => textWidth(String(text ?? ""), fontSize);
