// Sizes in plain words.

/** 12_345_678 → `12.3 MB`: decimal units, three digits at most. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 || unit < 2 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
