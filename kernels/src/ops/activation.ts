// What becomes of a number on its way out of an op.

export type Activation = "none" | "relu" | "silu" | "gelu" | "sin" | "sigmoid";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** gelu: by tanh (Hendrycks and Gimpel, 2016, arXiv 1606.08415). */
export const activate: Readonly<Record<Activation, (x: number) => number>> = {
  none: (x) => x,
  relu: (x) => Math.max(0, x),
  silu: (x) => x * sigmoid(x),
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  sin: Math.sin,
  sigmoid,
};
