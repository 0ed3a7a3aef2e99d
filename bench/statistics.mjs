// Medians, and how far the values are apart.

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values) => quantile(values, 0.5);

/** The median, and between which values the middle half is. */
export function summary(values) {
  return { n: values.length, median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

/**
 * How the values of one arm are to those of another: the ratio of the medians, and between which values the middle half
 * of the rounds' own ratios is.
 */
export function ratio(values, peers) {
  const each = values.map((value, round) => value / peers[round]);
  return { median: median(values) / median(peers), low: quantile(each, 0.25), high: quantile(each, 0.75) };
}
