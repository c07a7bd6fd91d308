/** What an account's engine keeps on this device. Sizes are bytes. */
export interface DeviceUse {
  readonly messages: { readonly count: number; readonly bytes: number };
  readonly search: { readonly bytes: number };
  readonly waiting: { readonly count: number; readonly bytes: number };
}

export interface DeviceStorage {
  measure(): Promise<DeviceUse>;
  /** Throws the index of words away and builds it anew from the messages on this device. */
  rebuildSearch(): Promise<void>;
}

export const SAMPLE_MAX = 400;

/** Bytes of all rows, from those of some: reading every row of a long history would take seconds. */
export function extrapolate(count: number, sampled: readonly number[]): number {
  if (sampled.length === 0) return 0;
  return Math.round((sampled.reduce((sum, bytes) => sum + bytes, 0) / sampled.length) * count);
}
