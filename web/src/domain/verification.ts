/** A comparison of keys with another person, or with another device of one's own. */
export interface Verification {
  readonly id: string;
  readonly userId: string;
  readonly isOwnDevice: boolean;
  readonly deviceId?: string;
  readonly startedByMe: boolean;
  readonly step:
    /** Waits for the other side to agree. */
    | { readonly name: "asked" }
    /** The other side asks us. */
    | { readonly name: "asking" }
    /** Both agree: compare emoji, show or scan a code. */
    | { readonly name: "choose"; readonly qrCode?: Uint8ClampedArray; readonly canScan: boolean }
    | { readonly name: "working" }
    | { readonly name: "emoji"; readonly emoji: readonly (readonly [symbol: string, name: string])[] }
    /** They have scanned our code: does their screen show success? */
    | { readonly name: "scanned" }
    | { readonly name: "done" }
    | { readonly name: "cancelled"; readonly reason: "mismatch" | "timeout" | "declined" | "other" };
  accept(): Promise<void>;
  compareEmoji(): Promise<void>;
  scan(code: Uint8ClampedArray): Promise<void>;
  /** They are the same. */
  confirm(): Promise<void>;
  /** They are not: somebody may be in between. */
  mismatch(): void;
  cancel(): Promise<void>;
  /** Takes a finished one from the list. */
  dismiss(): void;
}
