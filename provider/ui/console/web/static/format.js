// Numbers as people read them.

const count = new Intl.NumberFormat("en");
const amount = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export const UNKNOWN = "-";

export function number(value) {
  return value === null || value === undefined ? UNKNOWN : count.format(value);
}

export function milliseconds(value) {
  return value === null || value === undefined ? UNKNOWN : `${count.format(value)} ms`;
}

export function money(value, currency) {
  return value === null || value === undefined ? UNKNOWN : `${amount.format(value)} ${currency ?? ""}`.trim();
}

export function plural(value, noun, nouns = `${noun}s`) {
  return `${count.format(value)} ${value === 1 ? noun : nouns}`;
}
