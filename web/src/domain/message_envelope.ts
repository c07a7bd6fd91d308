import { readChild, readField, readInteger } from "./untrusted";

/** Zajil's own fields beside what a message says; all of them travel inside the ciphertext. */
export interface Envelope {
  /** How often it was forwarded before, see forward_guard. */
  readonly hop: number;
  /** Seconds after sending when every client deletes it; 0 = never. */
  readonly disappearAfterS: number;
  readonly viewOnce: boolean;
}

export const FORWARD_FIELD = "org.zajil.forward";
export const DISAPPEAR_FIELD = "org.zajil.disappear";
export const VIEW_ONCE_FIELD = "org.zajil.view_once";

/** Makes no sound where it arrives. */
export const SILENT_FIELD = "org.zajil.silent";

export const HOP_MAX = 4;
export const DISAPPEAR_S_MAX = 365 * 86_400;

export function parseEnvelope(content: Readonly<Record<string, unknown>>): Envelope {
  return {
    hop: readInteger(readChild(content, FORWARD_FIELD), "h", 0, HOP_MAX) ?? 0,
    disappearAfterS: parseDisappearAfter(readChild(content, DISAPPEAR_FIELD)),
    viewOnce: readField(content, VIEW_ONCE_FIELD) === true,
  };
}

/** Also the content of the room's state event `org.zajil.disappear`. */
export function parseDisappearAfter(content: Readonly<Record<string, unknown>> | undefined): number {
  return readInteger(content, "after_s", 0, DISAPPEAR_S_MAX) ?? 0;
}

export function envelopeContent({ hop, disappearAfterS, viewOnce }: Envelope): Record<string, unknown> {
  return {
    ...(hop > 0 ? { [FORWARD_FIELD]: { h: Math.min(hop, HOP_MAX) } } : {}),
    ...(disappearAfterS > 0 ? { [DISAPPEAR_FIELD]: { after_s: disappearAfterS } } : {}),
    ...(viewOnce ? { [VIEW_ONCE_FIELD]: true } : {}),
  };
}
